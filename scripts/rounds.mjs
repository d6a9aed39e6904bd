/**
 * In which order steps run. What measures time leaves most of the machine idle: of the steps behind it, those that yield to it run beside it,
 * one group after the other, up to one that does not. Pure.
 *
 * @returns rounds that follow each other: `measuring` runs beside `groups`, which follow each other; the steps of a group run at once.
 */
export function roundsOf(steps) {
  const rounds = []
  for (const group of groupsOf(steps)) {
    const [{ measures, yields }] = group
    const last = rounds.at(-1)
    if (measures === true) rounds.push({ measuring: group, groups: [] })
    else if (yields === true && last?.measuring !== undefined) last.groups.push(group)
    else rounds.push({ measuring: undefined, groups: [group] })
  }
  return rounds
}

/** Neighbours of one name. */
function groupsOf(steps) {
  const groups = []
  for (const step of steps) {
    const last = groups.at(-1)
    if (step.group !== undefined && last?.[0].group === step.group) last.push(step)
    else groups.push([step])
  }
  return groups
}
