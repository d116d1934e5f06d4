/** All lints, in the order in which they are listed. */
import { axisOrder } from './axis-order.ts';
import { batchDependent } from './batch-dependent.ts';
import { depthConstant } from './depth-constant.ts';
import { futureUndecided } from './future-undecided.ts';
import type { Lint } from './lint.ts';
import { missingWarmUp } from './missing-warm-up.ts';
import { normCancelsScale } from './norm-cancels-scale.ts';
import { paddedAxis } from './padded-axis.ts';
import { scaleAfterSum } from './scale-after-sum.ts';
import { scaleBeforeNorm } from './scale-before-norm.ts';
import { scaledInit } from './scaled-init.ts';
import { splitBatchMean } from './split-batch-mean.ts';
import { unnormalisedEnd } from './unnormalised-end.ts';
import { unusedBinding } from './unused-binding.ts';
import { unusedImport } from './unused-import.ts';
import { unusedProbe } from './unused-probe.ts';
import { unusedWeight } from './unused-weight.ts';

export const ALL_LINTS: readonly Lint[] = [
  scaleBeforeNorm,
  scaleAfterSum,
  normCancelsScale,
  scaledInit,
  depthConstant,
  missingWarmUp,
  unnormalisedEnd,
  batchDependent,
  splitBatchMean,
  futureUndecided,
  axisOrder,
  paddedAxis,
  unusedImport,
  unusedBinding,
  unusedWeight,
  unusedProbe,
];
