import { runBody } from './body.ts';
import { callBuiltin } from './builtins/table.ts';
import { applyValue } from './call.ts';
import { evaluate } from './expression.ts';
import type { Language } from './session.ts';

/** The mutually recursive parts of the language, put together. */
export const LANGUAGE_PARTS: Language = { evaluate, apply: applyValue, callBuiltin, runBody };
