import type { WriterEvent } from '../events/event-types.ts'
import { hasWriter, isWriterGone, writeOrder } from '../server-selection/server-selection.ts'
import type { Topology } from '../topology/topology-types.ts'

/** Tells when the last server that takes writes is gone, and when one is there again. To be called with each change. */
export function createWriterWatch(tell: (event: WriterEvent) => void): (topology: Topology) => void {
  let gone = false
  return (topology) => {
    if (gone ? !hasWriter(topology) : !isWriterGone(topology)) return
    gone = !gone
    const [writer] = gone ? [] : writeOrder(topology)
    tell({ available: !gone, server: writer?.name, region: writer?.region })
  }
}
