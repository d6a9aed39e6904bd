import type { ModeEvent } from '../events/event-types.ts'
import type { ModesInForce, OwnSession } from '../execute/engine-interface.ts'
import { modeOf, type ModeLot, type ModeSetting, type ParsedShare } from '../modes/mode-rollout.ts'
import type { Mode } from '../modes/pool-mode.ts'

/** The mode of a pool, which its operators may change at any time. */
export interface OperatorMode extends ModesInForce {
  readonly setting: ModeSetting
  /** Puts every session into this mode. */
  setMode(mode: Mode): void
  /** Puts shares of the sessions into other modes. */
  setShares(shares: readonly ParsedShare[]): void
}

/** @param lot - of what runs outside of explicit sessions: the process is one session. */
export function createOperatorMode(
  initial: ModeSetting,
  lot: ModeLot,
  onChange: (event: ModeEvent) => void,
): OperatorMode {
  let setting = initial
  const change = (next: ModeSetting): void => {
    const before = setting.mode
    setting = next
    onChange({ mode: next.mode, before })
  }
  return {
    get setting() {
      return setting
    },
    get uniform() {
      return setting.shares.length === 0 ? setting.mode : undefined
    },
    of: (session: OwnSession) => modeOf(setting, session?.lot ?? lot),
    setMode(mode) {
      if (mode !== setting.mode || setting.shares.length > 0) change({ mode, shares: [] })
    },
    setShares(shares) {
      change({ mode: setting.mode, shares })
    },
  }
}
