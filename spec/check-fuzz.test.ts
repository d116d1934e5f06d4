/**
 * Specs with random mistakes, and random sentences of the grammar, are checked to the end: each is accepted, or refused
 * with codes that are explained and places that are in a file; nothing else is thrown, and nothing takes long.
 * TFM_FUZZ=10000 runs more of them.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { check } from '../src/compiler/check.ts';
import { explanations } from '../src/compiler/diagnostics/catalog.ts';
import { type Diagnostic, Failure } from '../src/compiler/diagnostics/diagnostic.ts';
import { renderDiagnostics } from '../src/compiler/diagnostics/render.ts';
import { makeSource } from '../src/compiler/support/source.ts';
import { mutated, mutatedMeaning } from './support/mutate-spec.ts';
import { makeDice } from './support/random-program.ts';
import { randomSentence } from './support/random-sentence.ts';
import { randomSpec } from './support/random-spec.ts';

const COUNT = Number(process.env.TFM_FUZZ ?? 500);
const FIRST = Number(process.env.TFM_FUZZ_FROM ?? 1);
/** Of processor time, on one thread. */
const LIMIT_MS = 1000;

const FOLDERS = ['../examples/', '../examples/gallery/', '../src/std/'].map((path) => new URL(path, import.meta.url));
const SEEDS = FOLDERS.flatMap((folder) =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.tfm'))
    .map((name) => readFileSync(new URL(name, folder), 'utf8')),
);
const CODES = new Set(explanations().map(({ code }) => code));

/** A program by its number: most are published models or come from the generator, some are made of the grammar alone. */
function program(seed: number): string {
  const dice = makeDice(seed);
  const kind = seed % 8;
  if (kind === 0) return randomSentence(dice);
  if (kind === 1) return mutated(randomSentence(dice), SEEDS, dice);
  const whole = kind < 6 ? dice.pick(SEEDS) : randomSpec(seed).text;
  return kind % 2 === 0 ? mutated(whole, SEEDS, dice) : mutatedMeaning(whole, SEEDS, dice);
}

/** What was said of how many: the mistakes must reach all phases, or the test shows little. */
const said = new Map<string, number>();

function count(what: string): void {
  said.set(what, (said.get(what) ?? 0) + 1);
}

function checkDiagnostics(diagnostics: readonly Diagnostic[]): void {
  for (const { code, message, span, labels } of diagnostics) {
    count(code);
    assert.ok(CODES.has(code) && message.length > 0, `${code} is explained`);
    assert.ok(span, `${code} has a place`);
    for (const place of [span, ...labels.map((label) => label.span)]) {
      const { start, end, source } = place;
      assert.ok(0 <= start && start <= end && end <= source.text.length, `${code} is in its file`);
    }
  }
  assert.ok(renderDiagnostics(diagnostics, { color: false }).length < 200_000);
}

/** What is wrong with how a text is answered; undefined when nothing is. */
function fault(text: string): string | undefined {
  const start = process.cpuUsage();
  try {
    checkDiagnostics(check({ source: makeSource('fuzz.tfm', text), set: [] }).warnings);
    count('accepted');
  } catch (error) {
    if (!(error instanceof Failure)) return error instanceof Error ? `${error.stack}` : String(error);
    if (error.diagnostics.length === 0) return 'refused without a word';
    try {
      checkDiagnostics(error.diagnostics);
    } catch (unfit) {
      return `${unfit}`;
    }
  }
  const ms = process.cpuUsage(start).user / 1000;
  return ms > LIMIT_MS ? `took ${Math.round(ms)} ms` : undefined;
}

test(`${COUNT} specs with mistakes are answered`, () => {
  const faults: string[] = [];
  for (let seed = FIRST; seed < FIRST + COUNT; seed++) {
    const text = program(seed);
    const found = fault(text);
    if (found !== undefined) faults.push(`seed ${seed}: ${found}\n${text}`);
  }
  assert.is(faults.length, 0, faults.slice(0, 3).join('\n\n'));
  assert.ok((said.get('accepted') ?? 0) > COUNT / 20, `${said.get('accepted')} are accepted`);
  assert.ok(said.size > 30, `${said.size} codes were met`);
});

test.run();
