/** The same training step in all programs, in rounds that alternate. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nodeFiles } from '../src/runtime/files.ts';
import type { Tensor } from '../src/runtime/safetensors.ts';
import { writeTensorFile } from '../src/runtime/write-tensor-file.ts';
import { type Child, startChild } from './child.ts';
import { median } from './median.ts';
import type { Answer } from './programs/serve.ts';
import { OURS, type ProgramSpec } from './programs.ts';

/** Steps whose losses must agree before a time counts. */
const COMPARED = 5;
/** Of losses, relative. Sums in float32 in another order differ by less. */
const TOLERANCE = 2e-4;
const ROUND_MS = 4000;
const MOST_STEPS = 40;

export interface ProgramResult {
  readonly program: string;
  readonly losses: readonly number[];
  /** From the start of the process to the end of its first step: with no compiled shader on the disk, and with all. */
  readonly coldStartMs: number;
  readonly warmStartMs: number;
  /** Of each round, the median of its steps. */
  readonly rounds: readonly number[];
  readonly steps: readonly (readonly number[])[];
  /** In JavaScript, up to the return of the last submit; the median. */
  readonly encodeMs: number | undefined;
  readonly dispatches: number | undefined;
  readonly submits: number | undefined;
  readonly gpuPeakBytes: number | undefined;
  readonly peakRssBytes: number;
}

interface Running {
  readonly program: ProgramSpec;
  readonly child: Child;
  readonly first: Answer;
  readonly losses: readonly number[];
  readonly count: number;
  readonly rounds: Answer[];
}

export interface Comparison {
  readonly name: string;
  /** The programs compute different things, so that their losses need not agree. */
  readonly differ?: boolean;
  /** How far losses may be apart, relative; 2e-4 unless given. */
  readonly tolerance?: number;
  /** How long a program is measured in a round, about, in ms; 4 s unless given. */
  readonly roundMs?: number;
  /** For the programs, as JSON. */
  readonly size: unknown;
  readonly tensors: ReadonlyMap<string, Tensor>;
}

export async function compareSteps(
  { name: title, size, tensors, differ = false, tolerance = TOLERANCE, roundMs = ROUND_MS }: Comparison,
  programs: readonly ProgramSpec[],
  rounds: number,
  tell: (text: string) => void,
): Promise<readonly ProgramResult[]> {
  const folder = mkdtempSync(join(tmpdir(), 'tfm-bench-'));
  try {
    const start = join(folder, 'start.safetensors');
    writeTensorFile(nodeFiles, start, { tensors, metadata: {} });
    const optionsOf = ({ name }: ProgramSpec) => ({
      start,
      size,
      cache: join(folder, name.replaceAll(' ', '-')),
    });
    const begun: Running[] = [];
    for (const program of programs) {
      tell(`${title}: ${program.name} begins`);
      begun.push(await begin(program, startChild(program, optionsOf(program)), roundMs));
    }
    const running = differ ? begun : await thoseThatAgree(begun, tolerance, (text) => tell(`${title}: ${text}`));
    for (let round = 0; round < rounds; round += 1) {
      // No program comes always behind the same one.
      const order = running.map((_, i) => running[(i + round) % running.length]).filter((one) => one !== undefined);
      for (const one of order) {
        one.rounds.push(await one.child.steps(one.count));
        const last = one.rounds.at(-1);
        tell(`${title}: round ${round + 1}, ${one.program.name}: ${median(last?.ms ?? []).toFixed(1)} ms a step`);
      }
    }
    const results: ProgramResult[] = [];
    for (const one of running) {
      await one.child.close();
      const again = startChild(one.program, optionsOf(one.program));
      const warm = await again.steps(1);
      await again.close();
      results.push(resultOf(one, warm));
    }
    return results;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function begin(program: ProgramSpec, child: Child, roundMs: number): Promise<Running> {
  const first = await child.steps(1);
  const rest = await child.steps(COMPARED - 1);
  const count = Math.min(MOST_STEPS, Math.max(1, Math.ceil(roundMs / median(rest.ms))));
  return { program, child, first, losses: [...first.losses, ...rest.losses], count, rounds: [] };
}

/** Ends rivals whose losses are others, and says so. Throws where one of ours differs, or all rivals do: then ours may be wrong. */
async function thoseThatAgree(
  begun: readonly Running[],
  tolerance: number,
  tell: (text: string) => void,
): Promise<readonly Running[]> {
  const ours = begun.find(({ program }) => program.name === OURS) ?? begun[0];
  const agreeing: Running[] = [];
  for (const one of begun) {
    const difference = ours && differenceOf(one, ours, tolerance);
    if (difference === undefined) agreeing.push(one);
    else {
      if (isOurs(one)) throw new Error(difference);
      tell(`${difference}: it is left out`);
      await one.child.close();
    }
  }
  if (!begun.every(isOurs) && agreeing.every(isOurs)) throw new Error(`no rival has the losses of ${OURS}`);
  return agreeing;
}

function isOurs({ program }: Running): boolean {
  return program.name.startsWith(OURS);
}

function differenceOf({ program, losses }: Running, ours: Running, tolerance: number): string | undefined {
  for (const [i, loss] of losses.entries()) {
    const wanted = ours.losses[i] ?? Number.NaN;
    if (!(Math.abs(loss - wanted) <= tolerance * Math.abs(wanted)))
      return `after ${i} steps ${program.name} has the loss ${loss}, and ${ours.program.name} ${wanted}`;
  }
  return undefined;
}

function resultOf({ program, first, losses, rounds }: Running, warm: Answer): ProgramResult {
  const last = rounds.at(-1) ?? first;
  const encodes = rounds.flatMap(({ encodeMs }) => encodeMs);
  return {
    program: program.name,
    losses,
    coldStartMs: first.sinceStartMs,
    warmStartMs: warm.sinceStartMs,
    rounds: rounds.map(({ ms }) => median(ms)),
    steps: rounds.map(({ ms }) => ms),
    encodeMs: encodes.length > 0 ? median(encodes) : undefined,
    dispatches: last.dispatches,
    submits: last.submits,
    gpuPeakBytes: last.gpuPeakBytes,
    peakRssBytes: last.peakRssBytes,
  };
}
