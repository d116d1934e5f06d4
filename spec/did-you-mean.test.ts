import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { didYouMean, editDistance } from '../src/compiler/support/did-you-mean.ts';

test('edit distance counts a swap of neighbours once', () => {
  assert.is(editDistance('', 'abc'), 3);
  assert.is(editDistance('kitten', 'sitting'), 3);
  assert.is(editDistance('witdh', 'width'), 1);
  assert.is(editDistance('abc', 'abc'), 0);
});

test('suggests what is near, and nothing else', () => {
  const names = ['width', 'hidden', 'heads', 'head', 'RMSNorm', 'LNS', 'x'];
  assert.is(didYouMean('wdith', names), 'width');
  assert.is(didYouMean('rmsnorm', names), 'RMSNorm');
  assert.is(didYouMean('headss', names), 'heads');
  assert.is(didYouMean('hed', names), 'head');
  assert.is(didYouMean('LSN', names), 'LNS');
  assert.is(didYouMean('vocab', names), undefined);
  assert.is(didYouMean('y', names), undefined);
  assert.is(didYouMean('width', []), undefined);
});

test.run();
