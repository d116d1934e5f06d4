/** The open documents and what is known of them. Nothing is ever written. */
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { TextDocument, type TextDocumentContentChangeEvent } from 'vscode-languageserver-textdocument';
import { inspect } from '../compiler/inspect.ts';
import { makeSource, type Source } from '../compiler/support/source.ts';
import { namesIn } from '../compiler/syntax/names.ts';
import { specOf } from '../runtime/read-spec.ts';
import type { Analysis } from './analysis.ts';

export interface Workspace {
  readonly open: (uri: string, version: number, text: string) => void;
  readonly change: (uri: string, version: number, changes: TextDocumentContentChangeEvent[]) => void;
  readonly close: (uri: string) => void;
  /** Files on disk may be others now. */
  readonly filesChanged: () => void;
  /** The analysis of a document as it is now; undefined when it is not open. */
  readonly analysis: (uri: string) => Analysis | undefined;
  /** That of a document with another text, which is forgotten again. */
  readonly analysisWith: (uri: string, text: string) => Analysis | undefined;
  /** Those of all open documents. */
  readonly analyses: () => readonly Analysis[];
  readonly uris: () => readonly string[];
  /** Calls `listener` after each change, with the document that was closed if one was. */
  readonly onChange: (listener: (closed?: string) => void) => void;
}

export function makeWorkspace(): Workspace {
  const documents = new Map<string, TextDocument>();
  const analyses = new Map<string, Analysis>();

  const listeners: ((closed?: string) => void)[] = [];
  const changed = (closed?: string): void => {
    for (const listener of listeners) listener(closed);
  };

  const textAt = (path: string): string | undefined =>
    [...documents].find(([uri]) => pathOf(uri) === path)?.[1].getText();

  function analyse(document: TextDocument): Analysis {
    const read = new Set<string>();
    const source = sourceOf(document, (path) => {
      read.add(path);
      return textAt(path);
    });
    const inspection = inspect(source);
    return { version: document.version, source, inspection, names: namesIn(inspection.tree), read };
  }

  function analysis(uri: string): Analysis | undefined {
    const known = analyses.get(uri);
    if (known) return known;
    const document = documents.get(uri);
    if (!document) return undefined;
    const made = analyse(document);
    analyses.set(uri, made);
    return made;
  }

  function forget(uri: string): void {
    const path = pathOf(uri);
    analyses.delete(uri);
    for (const [other, { read }] of analyses) if (path !== undefined && read.has(path)) analyses.delete(other);
  }

  return {
    open: (uri, version, text) => {
      documents.set(uri, TextDocument.create(uri, 'tfm', version, text));
      forget(uri);
      changed();
    },
    change: (uri, version, changes) => {
      const document = documents.get(uri);
      if (!document) return;
      documents.set(uri, TextDocument.update(document, changes, version));
      forget(uri);
      changed();
    },
    close: (uri) => {
      documents.delete(uri);
      forget(uri);
      changed(uri);
    },
    filesChanged: () => {
      analyses.clear();
      changed();
    },
    analysis,
    analyses: () => [...documents.keys()].flatMap((uri) => analysis(uri) ?? []),
    analysisWith: (uri, text) => {
      const document = documents.get(uri);
      return document && analyse(TextDocument.create(uri, 'tfm', document.version, text));
    },
    uris: () => [...documents.keys()],
    onChange: (listener) => {
      listeners.push(listener);
    },
  };
}

/** A document that is no file uses no others. */
function sourceOf(document: TextDocument, textAt: (path: string) => string | undefined): Source {
  const path = pathOf(document.uri);
  const text = document.getText();
  return path === undefined ? makeSource(document.uri, text) : specOf(path, text, textAt);
}

function pathOf(uri: string): string | undefined {
  try {
    return resolve(fileURLToPath(uri));
  } catch {
    return undefined;
  }
}
