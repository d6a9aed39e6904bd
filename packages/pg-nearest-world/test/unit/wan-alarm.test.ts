import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import { createAlarm, type Alarm } from '../../src/wan/alarm.ts'

const alarms: Alarm[] = []
afterEach(() => {
  for (const alarm of alarms.splice(0)) alarm.stop()
})

/** With the times at which it rang. */
async function openAlarm(): Promise<{ alarm: Alarm; rung: number[] }> {
  const rung: number[] = []
  const alarm = createAlarm(() => rung.push(performance.now()))
  alarms.push(alarm)
  await alarm.ready
  return { alarm, rung }
}

test('it rings once, and not before its time', async () => {
  const { alarm, rung } = await openAlarm()
  const due = performance.now() + 20.5
  alarm.set(due)
  await expect.poll(() => rung).toHaveLength(1)
  expect(rung[0]).toBeGreaterThanOrEqual(due - 0.1)
  await sleep(30)
  expect(rung).toHaveLength(1)
})

test('what is set later counts, be it due earlier or later', async () => {
  const { alarm, rung } = await openAlarm()
  const begun = performance.now()
  alarm.set(begun + 60_000)
  alarm.set(begun + 10)
  await expect.poll(() => rung).toHaveLength(1)
  // On a busy machine this thread may be away for a while between the two.
  alarm.set(performance.now() + 300)
  alarm.set(performance.now() + 60_000)
  await sleep(400)
  expect(rung).toHaveLength(1)
})

test('what is in the past rings at once, and a stopped one never', async () => {
  const { alarm, rung } = await openAlarm()
  alarm.set(performance.now() - 1)
  await expect.poll(() => rung).toHaveLength(1)
  alarm.set(performance.now() + 20)
  alarm.stop()
  await sleep(50)
  expect(rung).toHaveLength(1)
})

test('it is ready even if it was stopped before', async () => {
  const alarm = createAlarm(() => undefined)
  alarm.stop()
  await alarm.ready
})
