/**
 * The folder of a run: plain files that other tools read.
 *
 *     config.json         the settings, resolved        env.json      versions, device, kernels
 *     model.tfm, spec/    copies of the spec            lock          while a process works in it
 *     tiles.json          by which tiles its products are computed
 *     metrics.jsonl       one record an event           events.out.tfevents.*   the same for TensorBoard
 *     checkpoints/step-N  weights, optimizer, manifest
 */
import { hostname } from 'node:os';
import { join } from 'node:path';
import { runFailure } from '../compiler/diagnostics/run.ts';
import type { LibraryUse } from '../compiler/ir/matmul.ts';
import type { TileTable } from '../compiler/ir/tiling.ts';
import type { TrainConfig } from '../compiler/ir/train.ts';
import { type Lock, lockFolder } from './checkpoint/lock.ts';
import { type Files, guardFiles, readAll, replaceFile, writeAll } from './files.ts';
import { changedSettings } from './run-settings.ts';
import { type SpecCopy, writeSpecCopy } from './spec-copy.ts';
import { openingRecords, scalarRecord } from './tfevents.ts';
import { writeRunTiles } from './tiles/run-tiles.ts';
import type { TrainEvent } from './train-event.ts';

const CONFIG = 'config.json';
const CHECKPOINTS = 'checkpoints';

/** What config.json holds. */
export type RecordedConfig = TrainConfig & { readonly library?: LibraryUse };

export interface RunDescription {
  readonly config: TrainConfig;
  /** Which products a library computes; it stands in config.json beside the settings, since it decides numbers as they do. */
  readonly library?: LibraryUse | undefined;
  /** Missing for a compiled folder. */
  readonly spec: SpecCopy | undefined;
  /** Written to env.json: versions, device, driver, kernels. */
  readonly environment: Readonly<Record<string, unknown>>;
  /** Those of the kernels that run. */
  readonly tiles: TileTable;
}

export interface RunFolder {
  readonly path: string;
  readonly checkpoints: string;
  readonly files: Files;
  /** Begins the logs, keeping records up to `step`. To be called once, before `record`. */
  readonly beginLogs: (step: number) => void;
  readonly record: (event: TrainEvent) => void;
  readonly close: () => void;
}

/** Whether a run began in the folder. */
export function holdsRun(files: Files, path: string): boolean {
  return files.exists(join(path, CONFIG));
}

/** Makes the folder of a new run and locks it. Fails with `run-exists`, `run-locked`, `not-writable` or `disk-full`. */
export function createRunFolder(files: Files, path: string, run: RunDescription): RunFolder {
  return guardFiles(path, () => {
    if (holdsRun(files, path)) throw runFailure('run-exists', { folder: path });
    files.makeFolder(join(path, CHECKPOINTS));
    return whileLocked(files, path, () => {
      if (run.spec) writeSpecCopy(files, path, run.spec);
      describeRun(files, path, run);
    });
  });
}

/** Opens the folder of a run that goes on. Fails with `run-missing`, `run-locked` or `resume-differs`. */
export function reopenRunFolder(files: Files, path: string, run: RunDescription): RunFolder {
  // A process that was killed while it made the folder got no further than this.
  if (files.exists(join(path, CHECKPOINTS)) && !holdsRun(files, path)) {
    return createRunFolder(files, path, run);
  }
  const old = readRunConfig(files, path);
  const keys = changedSettings(old, recorded(run));
  if (keys.length) throw runFailure('resume-differs', { folder: path, keys });
  return guardFiles(path, () => whileLocked(files, path, () => describeRun(files, path, run)));
}

function whileLocked(files: Files, path: string, prepare: () => void): RunFolder {
  const lock = lockFolder(files, path);
  try {
    prepare();
    return openFolder(files, path, lock);
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** The settings come last, since they are what makes the folder a run. */
function describeRun(files: Files, path: string, run: RunDescription): void {
  writeRunTiles(files, path, run.tiles);
  replaceFile(files, join(path, 'env.json'), jsonText(run.environment));
  replaceFile(files, join(path, CONFIG), jsonText(recorded(run)));
}

function recorded({ config, library }: RunDescription): RecordedConfig {
  return { ...config, ...(library === undefined ? {} : { library }) };
}

/** Which products a library computes in the run of a folder; none where there is no run yet. */
export function recordedLibrary(files: Files, path: string): LibraryUse | undefined {
  if (!holdsRun(files, path)) return undefined;
  const config = readRunConfig(files, path);
  const library = typeof config === 'object' && config !== null && 'library' in config ? config.library : undefined;
  return library === 'large' || library === 'all' ? library : undefined;
}

/** The settings that a run began with. Fails with `run-missing`. */
export function readRunConfig(files: Files, path: string): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(readAll(files, join(path, CONFIG))));
  } catch {
    throw runFailure('run-missing', { folder: path });
  }
}

function openFolder(files: Files, path: string, lock: Lock): RunFolder {
  const metrics = join(path, 'metrics.jsonl');
  const events = join(path, `events.out.tfevents.${Math.floor(Date.now() / 1000)}.${hostname()}.${process.pid}`);
  const append = (file: string, bytes: Uint8Array): void =>
    guardFiles(file, () => {
      const fd = files.open(file, 'a');
      try {
        writeAll(files, fd, bytes);
      } finally {
        files.close(fd);
      }
    });
  return {
    path,
    checkpoints: join(path, CHECKPOINTS),
    files,
    beginLogs: (step) => {
      if (files.exists(metrics)) guardFiles(metrics, () => cutMetrics(files, metrics, step));
      append(events, openingRecords(Date.now() / 1000, step));
    },
    record: (event) => {
      const time = Date.now() / 1000;
      append(metrics, new TextEncoder().encode(`${JSON.stringify({ ...event, time })}\n`));
      const scalars = scalarsOf(event);
      if (event.kind !== 'notice' && scalars) append(events, scalarRecord(time, event.step, scalars));
    },
    close: lock.release,
  };
}

/** Removes what was written after `step`, and a line that was cut while it was written. */
function cutMetrics(files: Files, path: string, step: number): void {
  const bytes = readAll(files, path);
  let keep = 0;
  for (let end = bytes.indexOf(0x0a); end >= 0; end = bytes.indexOf(0x0a, end + 1)) {
    const at = stepOfLine(new TextDecoder().decode(bytes.subarray(keep, end)));
    if (at === undefined || at > step) break;
    keep = end + 1;
  }
  files.truncate(path, keep);
}

function stepOfLine(line: string): number | undefined {
  try {
    const json: unknown = JSON.parse(line);
    if (typeof json !== 'object' || json === null) return undefined;
    return 'step' in json && typeof json.step === 'number' ? json.step : 0;
  } catch {
    return undefined;
  }
}

function scalarsOf(event: TrainEvent): Readonly<Record<string, number>> | undefined {
  switch (event.kind) {
    case 'step':
      return {
        'train/loss': event.loss,
        ...(event.skipped ? {} : { 'train/grad_norm': event.gradNorm }),
        'train/lr': event.lr,
        ...(event.lossScale === undefined ? {} : { 'train/loss_scale': event.lossScale }),
      };
    case 'validation':
      return {
        'validation/loss': event.loss,
        'validation/perplexity': event.perplexity,
        ...(event.bitsPerByte === undefined ? {} : { 'validation/bits_per_byte': event.bitsPerByte }),
      };
    case 'probe':
      return Object.fromEntries(
        Object.entries(event.values).flatMap(([name, values]) =>
          values.map((v, i) => [values.length === 1 ? `probe/${name}` : `probe/${name}/${i + 1}`, v] as const),
        ),
      );
    case 'checkpoint':
    case 'notice':
      return undefined;
  }
}

function jsonText(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
