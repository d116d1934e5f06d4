/**
 * Packs blocks of memory that live for an interval of time into as little memory as it can.
 *
 * The problem is two-dimensional packing, which is hard to do best; largest-first with the lowest free offset comes within
 * a few percent of the lower bound (the largest sum of live bytes) on transformers. Several orders are tried and the
 * smallest result wins; ties go to the first, so the outcome is fixed.
 */
export interface LiveBlock {
  /** Aligned. */
  readonly bytes: number;
  /** First and last moment at which it holds something, both included. */
  readonly start: number;
  readonly end: number;
}

export interface Packing {
  /** For each block, its segment and byte offset in it. */
  readonly places: readonly { readonly segment: number; readonly offset: number }[];
  readonly segmentBytes: readonly number[];
  /** The largest sum of bytes alive at one moment. */
  readonly liveBytes: number;
}

/** No block may be larger than `segmentLimit` bytes; the caller has refused such programs. */
export function packArena(blocks: readonly LiveBlock[], segmentLimit: number): Packing {
  const bySize = (a: LiveBlock, b: LiveBlock) => b.bytes - a.bytes || a.start - b.start;
  const byArea = (a: LiveBlock, b: LiveBlock) => b.bytes * (b.end - b.start + 1) - a.bytes * (a.end - a.start + 1);
  const byStart = (a: LiveBlock, b: LiveBlock) => a.start - b.start || b.bytes - a.bytes;
  const byLength = (a: LiveBlock, b: LiveBlock) => b.end - b.start - (a.end - a.start) || b.bytes - a.bytes;
  const packings = [bySize, byArea, byStart, byLength].map((order) => packInOrder(blocks, order, segmentLimit));
  const best = packings.reduce((a, b) => (total(b.segmentBytes) < total(a.segmentBytes) ? b : a));
  return { ...best, liveBytes: largestLiveSum(blocks) };
}

function total(sizes: readonly number[]): number {
  return sizes.reduce((a, b) => a + b, 0);
}

interface Placed extends LiveBlock {
  readonly segment: number;
  readonly offset: number;
}

function packInOrder(
  blocks: readonly LiveBlock[],
  order: (a: LiveBlock, b: LiveBlock) => number,
  segmentLimit: number,
): Omit<Packing, 'liveBytes'> {
  const sequence = blocks
    .map((block, index) => ({ block, index }))
    .sort((a, b) => order(a.block, b.block) || a.index - b.index);
  const placed: Placed[] = [];
  const places: { segment: number; offset: number }[] = blocks.map(() => ({ segment: 0, offset: 0 }));
  const segmentBytes: number[] = [];
  for (const { block, index } of sequence) {
    const place = lowestPlace(block, placed, segmentLimit);
    placed.push({ ...block, ...place });
    places[index] = place;
    segmentBytes[place.segment] = Math.max(segmentBytes[place.segment] ?? 0, place.offset + block.bytes);
  }
  return { places, segmentBytes };
}

function lowestPlace(
  block: LiveBlock,
  placed: readonly Placed[],
  segmentLimit: number,
): { segment: number; offset: number } {
  const rivals = placed.filter((p) => p.start <= block.end && block.start <= p.end);
  for (let segment = 0; ; segment++) {
    const here = rivals.filter((p) => p.segment === segment).sort((a, b) => a.offset - b.offset);
    let offset = 0;
    for (const rival of here) {
      if (offset + block.bytes <= rival.offset) break;
      offset = Math.max(offset, rival.offset + rival.bytes);
    }
    if (offset + block.bytes <= segmentLimit || here.length === 0) return { segment, offset };
  }
}

function largestLiveSum(blocks: readonly LiveBlock[]): number {
  let largest = 0;
  for (const moment of new Set(blocks.map((b) => b.start))) {
    let sum = 0;
    for (const b of blocks) if (b.start <= moment && moment <= b.end) sum += b.bytes;
    largest = Math.max(largest, sum);
  }
  return largest;
}
