/** The same run with as few steps as still fail: none of them can be left out. */
export async function shrink<Step, Run extends { readonly steps: readonly Step[] }>(
  run: Run & { readonly steps: readonly Step[] },
  fails: (run: Run) => Promise<boolean>,
): Promise<Run> {
  let steps: readonly Step[] = run.steps
  for (let size = Math.ceil(steps.length / 2); size >= 1; size = size === 1 ? 0 : size >> 1) {
    for (let at = 0; at < steps.length; ) {
      const fewer = [...steps.slice(0, at), ...steps.slice(at + size)]
      if (await fails({ ...run, steps: fewer })) steps = fewer
      else at += size
    }
  }
  return { ...run, steps }
}
