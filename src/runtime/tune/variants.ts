/**
 * A plan in which each product can be run by itself, by several tiles, on the memory that it has in the plan: the tiles then take turns
 * under the same conditions, and memory is allocated once.
 */
import type { KernelTexts } from '../../backends/device.ts';
import type { KernelEntry, Launch, Plan, PlanLoop, PlanStep, Program, Segment } from '../../compiler/ir/plan.ts';
import type { Tiling } from '../../compiler/ir/tiling.ts';
import { present } from '../../compiler/support/invariant.ts';

/** A spec, compiled with some tiles. */
export interface Build {
  readonly plan: Plan;
  readonly texts: KernelTexts;
  readonly tilings: ReadonlyMap<string, Tiling>;
}

/** A product by one tile. */
export interface Variant {
  readonly key: string;
  readonly tile: string;
  /** The program that runs all its launches once. */
  readonly program: string;
  /** Of a kernel that computes it. */
  readonly kernel: string;
  readonly launches: number;
  readonly flops: number;
}

/** Programs of a training step; what they launch counts, and other programs where they do not. */
const STEP: readonly string[] = ['begin', 'prepare', 'micro', 'update'];

/**
 * The first of the builds, with programs for products as each of the builds computes them; a tile that several have counts once. The
 * builds are of one spec, so that they differ in their kernels only.
 */
export function withVariants(
  builds: readonly [Build, ...Build[]],
  keys: ReadonlySet<string>,
): Pick<Build, 'plan' | 'texts'> & { readonly variants: readonly Variant[] } {
  const [{ plan: base, texts: baseTexts }] = builds;
  const kernels: KernelEntry[] = [...base.kernels];
  const texts: Record<string, string> = { ...baseTexts };
  const programs: Record<string, Program> = { ...base.programs };
  const uniformRows = [...base.uniformRows];
  const variants = new Map<string, Variant>();
  for (const [n, build] of builds.entries()) {
    const firstRow = n === 0 ? 0 : uniformRows.length;
    if (n > 0) uniformRows.push(...build.plan.uniformRows);
    const places = new Map<number, number>();
    /** Where a kernel of the build is among all. */
    const placeOf = (kernel: number): number => {
      if (n === 0) return kernel;
      const known = places.get(kernel);
      if (known !== undefined) return known;
      const entry = present(build.plan.kernels[kernel], 'a kernel');
      const file = `${n}/${entry.file}`;
      texts[file] = present(build.texts[entry.file], entry.file);
      places.set(kernel, kernels.length);
      return kernels.push({ ...entry, file }) - 1;
    };
    const moved = (launch: Launch): Launch => ({
      ...launch,
      kernel: placeOf(launch.kernel),
      ...(launch.uniformRow === undefined ? {} : { uniformRow: launch.uniformRow + firstRow }),
    });
    for (const { key, tile } of build.tilings.values()) {
      const program = `${key} by ${tile}`;
      if (!keys.has(key) || variants.has(program)) continue;
      const steps = stepsOf(build.plan, key);
      const all = steps.flatMap((step) => (step.kind === 'loop' ? repeated(step.body, step.count) : [step]));
      const entries = all.map(({ kernel }) => present(build.plan.kernels[kernel], 'a kernel'));
      programs[program] = { steps: steps.map((step) => inStep(step, moved)), inputs: [], outputs: [], liveBytes: 0 };
      variants.set(program, {
        key,
        tile,
        program,
        kernel: entries[0]?.name ?? '',
        launches: all.length,
        flops: entries.reduce((sum, { flops }) => sum + flops, 0),
      });
    }
  }
  const segments = base.segments.map((segment): Segment => ({ ...segment, bytes: mostBytes(builds, segment.name) }));
  return { plan: { ...base, kernels, programs, uniformRows, segments }, texts, variants: [...variants.values()] };
}

/** Launches of one product, and loops of nothing else. */
type ProductStep = Launch | (PlanLoop & { readonly body: readonly Launch[] });

function repeated<T>(body: readonly T[], count: number): readonly T[] {
  return Array.from({ length: count }, () => body).flat();
}

function inStep(step: ProductStep, moved: (launch: Launch) => Launch): ProductStep {
  return step.kind === 'loop' ? { ...step, body: step.body.map(moved) } : moved(step);
}

/** The launches of a product: those of a step, else those of the first program that has any. */
function stepsOf({ kernels, programs }: Plan, key: string): readonly ProductStep[] {
  const isOf = (step: PlanStep): step is Launch =>
    step.kind === 'launch' && kernels[step.kernel]?.tiles?.[key] !== undefined;
  const found = Object.entries(programs).map(([name, { steps }]) => ({
    name,
    steps: steps.flatMap((step): readonly ProductStep[] => {
      if (step.kind !== 'loop') return isOf(step) ? [step] : [];
      const body = step.body.filter(isOf);
      return body.length > 0 ? [{ ...step, body }] : [];
    }),
  }));
  const ofStep = found.filter(({ name }) => STEP.includes(name)).flatMap(({ steps }) => steps);
  return ofStep.length > 0 ? ofStep : (found.find(({ steps }) => steps.length > 0)?.steps ?? []);
}

function mostBytes(builds: readonly Build[], name: string): number {
  return Math.max(...builds.map(({ plan }) => plan.segments.find((s) => s.name === name)?.bytes ?? 0));
}
