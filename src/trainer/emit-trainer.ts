import type { IoPlace, Plan, WeightPlace } from '../compiler/ir/plan.ts';

import type { ScalarExpr, TrainConfig } from '../compiler/ir/train.ts';
import { callCounts } from './call-counts.ts';
import { keyText, literalText } from './literal-text.ts';
import { scalarText } from './scalar-text.ts';

/**
 * Writes `trainer.ts` of a compiled folder: the model's inputs, outputs and weights as types, its settings and learning
 * rate in readable form, and `train`, which gives the folder to the same runtime that `tfm train` uses.
 */
export async function emitTrainer(plan: Plan, config: TrainConfig): Promise<string> {
  // Loading the TypeScript compiler takes a third of a second, which only this command should pay.
  const { IndentationText, Project, QuoteKind, VariableDeclarationKind } = await import('ts-morph');
  const project = new Project({
    useInMemoryFileSystem: true,
    manipulationSettings: { indentationText: IndentationText.TwoSpaces, quoteKind: QuoteKind.Single },
  });
  const file = project.createSourceFile('trainer.ts');
  file.addImportDeclaration({ moduleSpecifier: 'tfm', namedImports: ['trainCompiled'] });
  file.addImportDeclaration({
    moduleSpecifier: 'tfm',
    isTypeOnly: true,
    namedImports: ['TrainConfig', 'TrainOptions', 'TrainResult'],
  });

  file.addInterface({
    name: 'Weights',
    isExported: true,
    docs: [`The ${plan.weights.length} tensors of a checkpoint: ${total(plan.weights).toLocaleString('en')} numbers.`],
    properties: plan.weights.map((w) => ({
      name: keyText(w.name),
      type: 'Float32Array',
      isReadonly: true,
      docs: [weightDoc(w)],
    })),
  });
  for (const [name, title, places] of interfacesOf(plan)) {
    file.addInterface({
      name,
      isExported: true,
      docs: [title],
      properties: places.map((p) => ({
        name: keyText(p.name),
        type: p.kind === 'float' ? 'Float32Array' : 'Int32Array',
        isReadonly: true,
        docs: [shapeDoc(p)],
      })),
    });
  }
  file.addVariableStatement({
    declarationKind: VariableDeclarationKind.Const,
    isExported: true,
    docs: ['What the train block says, and `--set` changed.'],
    declarations: [{ name: 'config', type: 'TrainConfig', initializer: literalText(config) }],
  });
  file.addFunction({
    name: 'learningRate',
    isExported: true,
    docs: ['The learning rate of a step; steps are counted from 0.'],
    parameters: [{ name: usesStep(config.lr) ? 'step' : '_step', type: 'number' }],
    returnType: 'number',
    statements: [`return ${scalarText(config.lr)};`],
  });
  file.addVariableStatement({
    declarationKind: VariableDeclarationKind.Const,
    isExported: true,
    docs: ['Kernel launches of each program, loops counted out.'],
    declarations: [{ name: 'launches', initializer: `${literalText(callCounts(plan, 'launches'))} as const` }],
  });
  if (plan.matmuls.length > 0)
    file.addVariableStatement({
      declarationKind: VariableDeclarationKind.Const,
      isExported: true,
      docs: ['Products of matrices that a library computes in each program, loops counted out.'],
      declarations: [{ name: 'matmuls', initializer: `${literalText(callCounts(plan, 'matmuls'))} as const` }],
    });
  file.addFunction({
    name: 'train',
    isExported: true,
    isAsync: true,
    docs: [stepDoc(plan, config)],
    parameters: [{ name: 'options', type: 'TrainOptions', initializer: '{}' }],
    returnType: 'Promise<TrainResult>',
    statements: ["return trainCompiled(new URL('.', import.meta.url), { ...options, config });"],
  });
  const title = [
    `// The trainer of model ${plan.model}, compiled from ${oneLine(plan.spec)}.`,
    '// Run it with `npx tfm train` and the path of this folder, or import `train`.',
  ];
  return `${title.join('\n')}\n${file.getFullText()}`;
}

function interfacesOf(plan: Plan): readonly (readonly [string, string, readonly IoPlace[]])[] {
  const micro = plan.programs.micro;
  if (!micro) return [];
  return [
    ['Inputs', 'What the host gives for one micro-batch.', micro.inputs.filter((p) => !p.name.startsWith('total.'))],
    ['Outputs', 'What a micro-batch gives back besides its gradients.', micro.outputs],
  ];
}

function stepDoc(plan: Plan, config: TrainConfig): string {
  const micro = plan.accumulation === 1 ? 'once' : `for each of ${plan.accumulation} micro-batches`;
  const settle = plan.programs.settle ? ['Runs `settle` on new weights, which does to them what `after` says.'] : [];
  return [
    ...settle,
    `Trains for ${config.steps} steps. Each step runs \`begin\`, then \`micro\` (forward and backward) ${micro},`,
    `then \`update\` (norm of all gradients, clipping, Adam${settle.length > 0 ? ', what `after` says' : ''}). Checkpoints and`,
    'metrics go to the run folder.',
  ].join('\n');
}

function weightDoc(w: WeightPlace): string {
  const shape = w.shape.map((n, i) => `${oneLine(w.axes[i] ?? '')} ${n}`).join(', ');
  return `[${shape}]${w.freeze ? ', frozen' : w.decay > 0 ? ', decays' : ''}`;
}

function shapeDoc(p: IoPlace): string {
  return `${p.kind} [${p.shape.map((n, i) => `${oneLine(p.axes[i] ?? '')} ${n}`).join(', ')}]`;
}

function total(weights: readonly WeightPlace[]): number {
  return weights.reduce((n, w) => n + w.shape.reduce((a, b) => a * b, 1), 0);
}

function usesStep(e: ScalarExpr): boolean {
  return e.kind === 'step' || (e.kind === 'apply' && e.args.some(usesStep));
}

/** Names come from a user's file; a comment must stay one. */
function oneLine(text: string): string {
  return text.replace(/[^\w ./-]/g, '_');
}
