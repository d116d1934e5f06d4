/** A defect of the compiler itself, never of the user's input. The command line turns it into exit code 70. */
export class InternalError extends Error {
  override readonly name = 'InternalError';
}

/** A text, or how to make it: a check that runs often should not spend time on words that are rarely needed. */
type Message = string | (() => string);

const textOf = (message: Message): string => (typeof message === 'string' ? message : message());

/** Throws an {@link InternalError} unless `condition` holds. Use it for what the compiler must guarantee to itself. */
export function invariant(condition: unknown, message: Message): asserts condition {
  if (!condition) throw new InternalError(textOf(message));
}

/** Returns `value`, or throws an {@link InternalError} that names `what` when it is missing. */
export function present<T>(value: T | undefined | null, what: Message): T {
  if (value === undefined || value === null) throw new InternalError(`missing ${textOf(what)}`);
  return value;
}

/** Marks a branch that the types say cannot be reached. */
export function unreachable(value: never): never {
  throw new InternalError(`unreachable: ${JSON.stringify(value)}`);
}
