/** Finds by measuring which tile of each product is the fastest on a device. */
import type { Device, LoadedPlan } from '../../backends/device.ts';
import type { HostScalars } from '../../compiler/ir/plan.ts';
import { NO_TILES, type TileTable, type Tiling } from '../../compiler/ir/tiling.ts';
import { present } from '../../compiler/support/invariant.ts';
import type { StopRequest } from '../stop-request.ts';
import { isFaster, typicalTime } from './is-faster.ts';
import { type Build, type Variant, withVariants } from './variants.ts';

export interface TuneRequest {
  readonly device: Device;
  /** Compiles the spec with some tiles. */
  readonly build: (tiles: TileTable) => Build;
  /** Puts into memory what kernels find there in practice. */
  readonly prepare: (loaded: LoadedPlan) => Promise<void>;
  readonly scalars: HostScalars;
  /** Keys of products that need no look. */
  readonly known: ReadonlySet<string>;
  /** Tiles of each product that are tried. */
  readonly candidates: number;
  /** Of the second look, at the best few. */
  readonly rounds: number;
  /** Told after each measurement. */
  readonly observe: (progress: TuneProgress) => void;
  readonly stop: StopRequest;
  /** Milliseconds; those of the machine's clock unless given. */
  readonly now?: () => number;
}

export interface TuneProgress {
  /** Measurements. */
  readonly done: number;
  readonly total: number;
  readonly kernel: string;
}

export interface TunedProduct extends Pick<Variant, 'key' | 'tile' | 'kernel' | 'launches' | 'flops'> {
  /** The tile that is taken where nothing was measured. */
  readonly estimated: string;
  /** Of all launches once, as `typicalTime` has it. */
  readonly ms: number;
  readonly estimatedMs: number;
  /** The shortest time of each tile in the first look, in ms. */
  readonly tried: Readonly<Record<string, number>>;
  /** The times of each that had a second look, round by round. */
  readonly rounds: Readonly<Record<string, readonly number[]>>;
}

/** Builds that are on the device at once; each is a kernel for every product. */
const AT_ONCE = 4;
/** Tiles that get a second look, besides the estimated one. */
const FINALISTS = 2;
const FIRST_ROUNDS = 3;
/** A tile that takes so many times as long as the best is not looked at again. */
const HOPELESS = 1.5;

/** The products whose tile is decided; those that are not when it is asked to stop are left out. */
export async function tuneProducts(request: TuneRequest): Promise<readonly TunedProduct[]> {
  const base = request.build(NO_TILES);
  const tilings = [...base.tilings.values()].filter(({ key }) => !request.known.has(key));
  if (tilings.length === 0) return [];
  const tried = tilings.map(({ key, candidates }) => [key, candidates.slice(0, request.candidates)] as const);
  const finalists = (key: string): number => Math.min(FINALISTS + 1, candidatesOf(tried, key).length);
  const total = tried.reduce((sum, [key, { length }]) => sum + length + finalists(key), 0);
  let done = 0;
  const observe = ({ kernel }: Variant): void => {
    done += 1;
    request.observe({ done, total, kernel });
  };
  const first = await firstLook(request, base, tried, observe);
  if (request.stop.signal()) return [];
  const best = tilings.map(({ key, tile }) => {
    const times = [...(first.get(key) ?? [])].sort(([, a], [, b]) => a - b).map(([name]) => name);
    return [key, [tile, ...times.filter((name) => name !== tile).slice(0, FINALISTS)]] as const;
  });
  return secondLook(request, base, tilings, { first, best }, observe);
}

/** The names of tiles to try, by key. */
type Tried = readonly (readonly [key: string, names: readonly string[]])[];
/** Milliseconds by key and tile. */
type Times = ReadonlyMap<string, ReadonlyMap<string, number>>;

function candidatesOf(tried: Tried, key: string): readonly string[] {
  return tried.find(([own]) => own === key)?.[1] ?? [];
}

/** The n-th tile of each product; of those that have fewer, the last. */
function nth(tried: Tried, n: number): TileTable {
  return new Map(tried.map(([key, names]) => [key, names[n] ?? names.at(-1) ?? '']));
}

async function firstLook(
  request: TuneRequest,
  base: Build,
  tried: Tried,
  observe: (variant: Variant) => void,
): Promise<Times> {
  const times = new Map<string, Map<string, number>>(tried.map(([key]) => [key, new Map()]));
  const most = Math.max(...tried.map(([, names]) => names.length));
  for (let n = 0; n < most; n += AT_ONCE) {
    const some = Array.from({ length: Math.min(AT_ONCE, most - n) }, (_, i) => request.build(nth(tried, n + i)));
    await onDevice(request, [base, ...some], tried, async (variants, run) => {
      for (const variant of variants) {
        const own = times.get(variant.key);
        if (request.stop.signal()) return;
        if (!own || own.has(variant.tile)) continue;
        const best = Math.min(...own.values());
        let ms = Number.POSITIVE_INFINITY;
        for (let round = 0; round < FIRST_ROUNDS && (round === 0 || ms < HOPELESS * best); round += 1)
          ms = Math.min(ms, await run(variant));
        own.set(variant.tile, ms);
        observe(variant);
      }
    });
    if (request.stop.signal()) break;
  }
  return times;
}

async function secondLook(
  request: TuneRequest,
  base: Build,
  tilings: readonly Tiling[],
  { first, best: finalists }: { readonly first: Times; readonly best: Tried },
  observe: (variant: Variant) => void,
): Promise<readonly TunedProduct[]> {
  const { rounds, stop } = request;
  const most = Math.max(...finalists.map(([, names]) => names.length));
  const builds = Array.from({ length: most }, (_, n) => request.build(nth(finalists, n)));
  const products: TunedProduct[] = [];
  await onDevice(request, [base, ...builds], finalists, async (variants, run) => {
    for (const { key, tile: estimated } of tilings) {
      const own = variants.filter((variant) => variant.key === key);
      const times = own.map((): number[] => []);
      for (let round = 0; round < rounds; round += 1) {
        if (stop.signal()) return;
        for (const [i, variant] of own.entries()) times[i]?.push(await run(variant));
      }
      own.forEach(observe);
      const looked = Object.fromEntries(own.map(({ tile }, i) => [tile, times[i] ?? []]));
      const msOf = (tile: string): number => typicalTime(looked[tile] ?? []);
      const fastest = own.reduce((a, b) => (msOf(a.tile) <= msOf(b.tile) ? a : b));
      const isBetter = isFaster(looked[fastest.tile] ?? [], looked[estimated] ?? []);
      const kept = isBetter ? fastest : own.find(({ tile }) => tile === estimated);
      const { tile, kernel, launches, flops } = present(kept, 'the estimated tile');
      products.push({
        key,
        tile,
        kernel,
        launches,
        flops,
        estimated,
        ms: msOf(tile),
        estimatedMs: msOf(estimated),
        tried: Object.fromEntries(first.get(key) ?? []),
        rounds: looked,
      });
    }
  });
  return products;
}

/** How long one measurement takes at least, and runs that it consists of at most. */
const ROUND_MS = 10;
const MOST_RUNS = 200;

/** Loads builds, and lets `work` time their variants. */
async function onDevice(
  { device, prepare, scalars, now = () => performance.now() }: TuneRequest,
  builds: readonly [Build, ...Build[]],
  tried: Tried,
  work: (variants: readonly Variant[], run: (variant: Variant) => Promise<number>) => Promise<void>,
): Promise<void> {
  const { plan, texts, variants } = withVariants(builds, new Set(tried.map(([key]) => key)));
  const loaded = await device.load(plan, texts);
  try {
    await prepare(loaded);
    const counts = new Map<Variant, number>();
    const time = async (variant: Variant, count: number): Promise<number> => {
      const began = now();
      for (let i = 0; i < count; i += 1) loaded.run(variant.program, scalars);
      await loaded.finish();
      return (now() - began) / count;
    };
    await work(variants, async (variant) => {
      const known = counts.get(variant);
      if (known !== undefined) return time(variant, known);
      // The first run may compile it, and finds caches as the variant before it left them.
      await time(variant, 1);
      const once = await time(variant, 1);
      const count = Math.min(MOST_RUNS, Math.max(1, Math.ceil(ROUND_MS / once)));
      counts.set(variant, count);
      return time(variant, count);
    });
  } finally {
    loaded.release();
  }
}
