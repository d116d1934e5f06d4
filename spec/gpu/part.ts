import type { DeviceInfo } from '../../src/backends/device.ts';
import type { DeviceName } from '../../src/backends/open-device.ts';

/** What a part of the check is told. */
export interface CheckContext {
  readonly device: DeviceName;
  readonly info: DeviceInfo;
  /** Words of which the name of a test file, or of a case of the oracle, must have one; there may be none. */
  readonly only: readonly string[];
  /** A line for the person who waits. */
  readonly tell: (line: string) => void;
}

export interface PartResult {
  readonly status: 'passed' | 'failed' | 'skipped';
  /** Why, when it did not pass. */
  readonly reasons: readonly string[];
  /** What was found, for the file of results. */
  readonly figures: Readonly<Record<string, unknown>>;
}

export interface Part {
  readonly about: string;
  readonly run: (context: CheckContext) => Promise<PartResult>;
}

/** Passed, unless there is a reason why not. */
export function resultOf(reasons: readonly string[], figures: Readonly<Record<string, unknown>>): PartResult {
  return { status: reasons.length === 0 ? 'passed' : 'failed', reasons, figures };
}

export function skipped(reason: string): PartResult {
  return { status: 'skipped', reasons: [reason], figures: {} };
}
