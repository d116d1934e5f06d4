import { createHash } from 'node:crypto';
import { isObject, type Json, type JsonObject, parseStrictJson } from '../strict-json.ts';

export const MANIFEST_NAME = 'MANIFEST.json';
const FORMAT = 'tfm-checkpoint-1';

/** The state of a run that is not in tensors. */
export interface RunState {
  /** Steps done. */
  readonly step: number;
  /** Windows of the data used; with the seed, all that the order of the data depends on. */
  readonly position: number;
  readonly seed: number;
  /** Hash of the settings that decide the weights. */
  readonly config: string;
  /** Hash of the kernels that ran. */
  readonly kernels: string;
  /** Fingerprint of the data. */
  readonly data: string;
  /** Version of tfm. */
  readonly code: string;
}

export interface FileEntry {
  readonly bytes: number;
  readonly sha256: string;
}

export interface Manifest {
  readonly state: RunState;
  readonly files: Readonly<Record<string, FileEntry>>;
}

/** The text of a manifest; its last field is the hash of all before it. */
export function renderManifest({ state, files }: Manifest): string {
  const { step, position, seed, config, kernels, data, code } = state;
  const body = { format: FORMAT, step, position, seed, config, kernels, data, code, files };
  const sha256 = createHash('sha256').update(JSON.stringify(body)).digest('hex');
  return `${JSON.stringify({ ...body, sha256 }, null, 2)}\n`;
}

/** Reads a manifest that must be exactly what {@link renderManifest} writes; gives the reason when it is not. */
export function parseManifest(text: string): Manifest | string {
  let json: Json;
  try {
    json = parseStrictJson(text);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  if (!isObject(json) || json.format !== FORMAT) return 'it is not a manifest of a checkpoint of this version';
  if (json.loss_scale !== undefined) return 'it is of a version of tfm that kept the loss scale of f16 elsewhere';
  const state = stateOf(json);
  const files = filesOf(json.files);
  if (!state || !files) return 'its manifest lacks a field';
  const manifest = { state, files };
  return renderManifest(manifest) === text ? manifest : 'its manifest was altered';
}

function stateOf(json: JsonObject): RunState | undefined {
  const { step, position, seed, config, kernels, data, code } = json;
  if (!isCount(step) || !isCount(position) || !isCount(seed)) return undefined;
  if (typeof config !== 'string' || typeof kernels !== 'string') return undefined;
  if (typeof data !== 'string' || typeof code !== 'string') return undefined;
  return { step, position, seed, config, kernels, data, code };
}

function filesOf(json: Json | undefined): Readonly<Record<string, FileEntry>> | undefined {
  if (!isObject(json)) return undefined;
  const files: Record<string, FileEntry> = {};
  for (const [name, entry] of Object.entries(json)) {
    if (!isObject(entry) || !isCount(entry.bytes) || typeof entry.sha256 !== 'string') return undefined;
    files[name] = { bytes: entry.bytes, sha256: entry.sha256 };
  }
  return files;
}

function isCount(value: Json | undefined): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
