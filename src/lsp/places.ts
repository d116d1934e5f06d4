/** Between places of the compiler and those of the protocol, which count lines from 0 and columns in UTF-16 units. */
import { existsSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Location, Position, Range } from 'vscode-languageserver';
import { TextDocument } from 'vscode-languageserver-textdocument';
import { libraryUrl } from '../compiler/elaborate/library.ts';
import type { Source, Span } from '../compiler/support/source.ts';
import type { Analysis } from './analysis.ts';

const documents = new WeakMap<Source, TextDocument>();

function documentOf(source: Source): TextDocument {
  const known = documents.get(source);
  if (known) return known;
  const text = source.byteOrderMark ? `\ufeff${source.text}` : source.text;
  const document = TextDocument.create(source.path, 'tfm', 0, text);
  documents.set(source, document);
  return document;
}

/** How much longer the document is than the text that the compiler holds. */
function markOf(source: Source): number {
  return source.byteOrderMark ? 1 : 0;
}

export function rangeOf({ source, start, end }: Span): Range {
  const document = documentOf(source);
  const mark = markOf(source);
  return { start: document.positionAt(start + mark), end: document.positionAt(end + mark) };
}

/** The offset in the source of a position in its document. */
export function offsetOf({ source }: Pick<Analysis, 'source'>, position: Position): number {
  return Math.max(0, documentOf(source).offsetAt(position) - markOf(source));
}

/** Where a place can be opened; undefined for texts that no file holds. */
export function locationOf(span: Span): Location | undefined {
  const uri = uriOf(span.source);
  return uri === undefined ? undefined : { uri, range: rangeOf(span) };
}

export function uriOf({ path }: Source): string | undefined {
  if (/^[a-z][a-z0-9+.-]+:/i.test(path) && !existsSync(path)) return path;
  if (isAbsolute(path)) return pathToFileURL(path).href;
  return libraryUrl(path)?.href;
}

export function isLibrary({ path }: Source): boolean {
  return libraryUrl(path) !== undefined;
}

/** Trees are made anew for each version of a document, so spans of different ones are compared by what they say. */
export function samePlace(a: Span, b: Span): boolean {
  return a.start === b.start && a.end === b.end && a.source.path === b.source.path;
}
