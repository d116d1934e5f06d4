/** Files: their declarations, what they use, and what every file sees. */
import type { Diagnostic } from '../diagnostics/diagnostic.ts';
import { Failure } from '../diagnostics/diagnostic.ts';
import { didYouMean } from '../support/did-you-mean.ts';
import type { Source, Span } from '../support/source.ts';
import type { File, Item, Name, Use } from '../syntax/ast.ts';
import { parseOnce } from '../syntax/parse.ts';
import { PREDEFINED_NAMES, predefined } from './builtins/table.ts';
import { bind, type FileScope, forced } from './env.ts';
import type { Library } from './library.ts';
import { destructure, namesOf } from './pattern.ts';
import { NO_LOOPS } from './place.ts';
import { attempt, type Frame, refuse, report, type Scope, type Session } from './session.ts';
import { POISON, type Value } from './value.ts';

export interface Module {
  readonly file: File;
  readonly scope: FileScope;
  /** A public declaration; undefined when there is none of that name. */
  readonly exported: (name: string) => Value | undefined;
  readonly exports: readonly string[];
}

/** All files of one elaboration. */
export interface Modules {
  /** A file of the user's, with those that it uses. */
  readonly file: (source: Source) => Module;
  readonly library: (path: readonly string[]) => Module | undefined;
  /** The user's files so far, the first one first. */
  readonly files: () => readonly Source[];
  /** The trees of those files. */
  readonly trees: () => readonly File[];
}

const PRELUDE = 'prelude';

/** `mended`: the tree of the session's own file, where it is not to be read strictly. */
export function makeModules(session: Session, library: Library, mended?: File): Modules {
  const loaded = new Map<string, Module | 'loading'>();

  function libraryModule(path: readonly string[]): Module | undefined {
    const key = path.join('/');
    const known = loaded.get(key);
    if (known === 'loading') return undefined;
    if (known) return known;
    const file = library.find(path);
    if (!file) return undefined;
    loaded.set(key, 'loading');
    const module = makeModule(file, path.length === 1, path[1] === PRELUDE ? undefined : prelude);
    loaded.set(key, module);
    return module;
  }
  const moduleOf = (name: string): string | undefined =>
    library
      .modules()
      .filter((module) => module !== 'std.std')
      .find((module) => libraryModule(module.split('.'))?.exports.includes(name));
  session.moduleOf = moduleOf;
  const prelude = (): Module | undefined => libraryModule(['std', PRELUDE]);

  const files = new Map<Source, Module>();
  const reading: Source[] = [];

  function fileModule(source: Source): Module {
    const known = files.get(source);
    if (known) return known;
    reading.push(source);
    const file = mended && source === session.source ? mended : parsed(source);
    const module = makeModule(file, false, prelude);
    reading.pop();
    files.set(source, module);
    return module;
  }

  /** The file at a path. Fails with `file-unreadable` or `files-use-each-other`. */
  function neighbour(path: string, span: Span): Module {
    const source = span.source.neighbour?.(path) ?? { refused: 'this text stands alone', others: [] };
    if ('refused' in source) {
      const { refused: reason, others } = source;
      return refuse('file-unreadable', { path, reason, suggestion: didYouMean(path, others) }, span);
    }
    const again = reading.indexOf(source);
    if (again < 0) return fileModule(source);
    return refuse('files-use-each-other', { chain: [...reading.slice(again), source].map((s) => s.path) }, span);
  }
  const finder: Finder = { find: libraryModule, neighbour, moduleOf, libraryModules: library.modules };

  /** `isIndex`: what the file uses is found in it as if it were declared there. */
  function makeModule(file: File, isIndex: boolean, around: (() => Module | undefined) | undefined): Module {
    const declared = new Map<string, Declaration>();
    const declare = (name: Name, declaration: Declaration): void => {
      const before = declared.get(name.text);
      if (before) {
        report(session, duplicate(name, before.span));
        return;
      }
      declared.set(name.text, declaration);
    };
    const scope: FileScope = {
      kind: 'file',
      find: (name) => declared.get(name)?.value() ?? around?.()?.exported(name) ?? predefined(name, session),
      names: () => [...declared.keys(), ...(around?.()?.exports ?? []), ...PREDEFINED_NAMES],
    };
    const frame: Frame = { session, place: undefined, loops: NO_LOOPS, activation: undefined };
    for (const use of file.uses) {
      const module = attempt(
        session,
        () => usedFile(use, finder),
        () => undefined,
      );
      for (const name of usedNames(use)) {
        const declaration = imported(use, name, module, finder);
        // What a file of the user's lacks is said even where the name is not used.
        if (module && !module.exports.includes(name.text)) attempt(session, declaration.value, () => POISON);
        declare(name, declaration);
      }
    }
    for (const item of file.items) declareItem(item, { frame, env: scope }, declare);
    const isPublic = (name: string): boolean => {
      const found = declared.get(name);
      return found !== undefined && !name.startsWith('_') && (isIndex || !found.imported);
    };
    return {
      file,
      scope,
      exported: (name) => (isPublic(name) ? declared.get(name)?.value() : undefined),
      exports: [...declared.keys()].filter(isPublic),
    };
  }

  return {
    file: fileModule,
    library: libraryModule,
    files: () => [...files.keys()].reverse(),
    trees: () => [...files.values()].reverse().map((module) => module.file),
  };
}

/** Parses a file; a failure holds all its syntax errors. */
function parsed(source: Source): File {
  const { file, diagnostics } = parseOnce(source);
  if (diagnostics.some((d) => d.severity === 'error')) throw new Failure(diagnostics);
  return file;
}

interface Declaration {
  readonly span: Span;
  readonly imported: boolean;
  readonly value: () => Value;
}

function duplicate(name: Name, before: Span): Diagnostic {
  try {
    return refuse('declared-twice', { name: name.text }, name.span, [{ span: before, text: 'declared here' }]);
  } catch (error) {
    if (error instanceof Failure && error.diagnostics[0]) return error.diagnostics[0];
    throw error;
  }
}

/** The names that a `use` brings in: those in braces, or the last of its path. */
function usedNames(use: Use): readonly Name[] {
  if (use.names.length > 0 || use.module.kind === 'path') return use.names;
  return use.module.path.slice(-1);
}

interface Finder {
  readonly find: (path: readonly string[]) => Module | undefined;
  readonly neighbour: (path: string, span: Span) => Module;
  readonly moduleOf: (name: string) => string | undefined;
  readonly libraryModules: () => readonly string[];
}

/** The file that is used; `undefined` for the library. */
function usedFile({ module, span }: Use, { neighbour }: Finder): Module | undefined {
  return module.kind === 'path' ? neighbour(module.path, span) : undefined;
}

/** `file`: what the path of the use leads to; undefined for the library, and when it leads nowhere. */
function imported(use: Use, name: Name, file: Module | undefined, finder: Finder): Declaration {
  const value = once(() => {
    if (use.module.kind === 'path') return file ? exportOf(file, use.module.path, name, finder) : POISON;
    const names = use.module.path.map((part) => part.text);
    const path = use.names.length > 0 ? names : names.slice(0, -1);
    const module = finder.find(path);
    if (!module) {
      const known = finder.libraryModules();
      const wanted = path.join('.');
      return refuse('unknown-module', { path: wanted, suggestion: didYouMean(wanted, known), known }, use.span);
    }
    return exportOf(module, path.join('.'), name, finder);
  }, name);
  return { span: name.span, imported: true, value };
}

function exportOf(module: Module, path: string, name: Name, { moduleOf }: Finder): Value {
  const found = module.exported(name.text);
  if (found) return found;
  const suggestion = didYouMean(name.text, module.exports);
  return refuse('unknown-export', { name: name.text, path, suggestion, found: moduleOf(name.text) }, name.span);
}

function declareItem(item: Item, scope: Scope, declare: (name: Name, declaration: Declaration) => void): void {
  if (item.kind === 'train') return;
  if (item.kind === 'fn') {
    const { model, lists, result, body, name } = item;
    const value: Value = {
      kind: 'function',
      name: name.text,
      model,
      lists,
      result,
      body,
      env: scope.env,
      span: name.span,
    };
    declare(name, { span: name.span, imported: false, value: () => value });
    return;
  }
  const { pattern, value } = item.binding;
  const [first] = namesOf(pattern);
  if (!first) return;
  const { session } = scope.frame;
  const whole = once(() => {
    const ops = session.items.length;
    const result = session.language.evaluate(value, scope);
    if (result.kind === 'tensor' || session.items.length !== ops) refuse('tensor-at-top-level', {}, value.span);
    return result;
  }, first);
  for (const name of namesOf(pattern)) {
    const part = (): Value => {
      const env = destructure(pattern, whole(), bind(scope.env, '', { kind: 'none' }, name.span));
      for (let at = env; at.kind === 'binding'; at = at.next) if (at.name === name.text) return forced(at.value);
      return whole();
    };
    declare(name, { span: name.span, imported: false, value: pattern.kind === 'name-pattern' ? whole : part });
  }
}

/** A value that is computed at its first use. Needing itself for that is an error. */
function once(compute: () => Value, name: Name): () => Value {
  let state: 'new' | 'busy' | { readonly value: Value } = 'new';
  return () => {
    if (state === 'busy') refuse('cyclic-binding', { name: name.text }, name.span);
    if (state !== 'new') return state.value;
    state = 'busy';
    try {
      const value = compute();
      state = { value };
      return value;
    } finally {
      if (state === 'busy') state = 'new';
    }
  };
}
