/** Errors of the language: what a program means, after its syntax. */
import { diagnosticsOf } from './entry.ts';
import { AXES } from './language-axes.ts';
import { PROBES } from './language-probes.ts';
import { PROGRAM } from './language-program.ts';
import { VALUES } from './language-values.ts';
import { WEIGHTS } from './language-weights.ts';

export const LANGUAGE = { ...AXES, ...VALUES, ...PROGRAM, ...WEIGHTS, ...PROBES };

export type LanguageCode = keyof typeof LANGUAGE;
export type LanguageParams<C extends LanguageCode> = Parameters<(typeof LANGUAGE)[C]['message']>[0];

export const languageError = diagnosticsOf(LANGUAGE);
