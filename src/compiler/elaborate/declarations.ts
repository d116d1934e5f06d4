import { type Diagnostic, Failure } from '../diagnostics/diagnostic.ts';
import type { File, Name } from '../syntax/ast.ts';
import type { ElaborateRequest } from './elaborate.ts';
import { LANGUAGE_PARTS } from './language-parts.ts';
import { STANDARD_LIBRARY } from './library.ts';
import { makeModules } from './module.ts';
import { namesOf } from './pattern.ts';
import { attempt, makeSession } from './session.ts';
import { POISON } from './value.ts';

type Request = Pick<ElaborateRequest, 'source' | 'library' | 'observer' | 'mended'>;

/** Evaluates every declaration of a file that need not have a model, and gives what is wrong with them. */
export function elaborateDeclarations({ source, library, observer, mended }: Request): readonly Diagnostic[] {
  const session = makeSession(LANGUAGE_PARTS, { source, training: true, wantsProbes: true, atOnce: true, observer });
  try {
    const modules = makeModules(session, library ?? STANDARD_LIBRARY, mended);
    const { scope, file } = modules.file(source);
    const names = [...file.uses.flatMap((use) => use.names), ...declaredNames(file)];
    for (const name of names) {
      attempt(
        session,
        () => scope.find(name.text) ?? POISON,
        () => POISON,
      );
    }
    return session.diagnostics;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return [...session.diagnostics, ...error.diagnostics];
  }
}

function declaredNames(file: File): readonly Name[] {
  return file.items.flatMap((item) => {
    if (item.kind === 'train') return [];
    return item.kind === 'fn' ? [item.name] : namesOf(item.binding.pattern);
  });
}
