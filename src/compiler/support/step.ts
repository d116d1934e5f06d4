/** In which step of the compiler an error came up, for reports of defects. */
const paths = new WeakMap<object, readonly string[]>();

/** Runs a step. An error that leaves it is known by it, and by the steps around it. */
export function inStep<T>(step: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (typeof error === 'object' && error !== null) paths.set(error, [step, ...(paths.get(error) ?? [])]);
    throw error;
  }
}

/** The steps that an error left, the outermost first; none when it came up elsewhere. */
export function stepsOf(error: unknown): readonly string[] {
  if (typeof error !== 'object' || error === null) return [];
  const own = paths.get(error) ?? [];
  return own.length === 0 && error instanceof Error ? stepsOf(error.cause) : own;
}
