import { Failure } from '../../src/compiler/diagnostics/diagnostic.ts';
import { type Elaborated, type ElaborateRequest, elaborate } from '../../src/compiler/elaborate/elaborate.ts';
import { verifyGraph } from '../../src/compiler/ops/verify-graph.ts';
import { makeSource, positionAt } from '../../src/compiler/support/source.ts';

type Options = Partial<Omit<ElaborateRequest, 'source'>>;

/** Elaborates a text, for its loss in training unless said, and verifies the graph. */
export function elaborated(text: string, options: Options = {}): Elaborated {
  const sizes = { batch: 3, time: 5 };
  const result = elaborate({ source: makeSource('a.tfm', text), training: true, want: 'loss', sizes, ...options });
  verifyGraph(result.graph);
  return result;
}

/** The errors of a text, as `line:column code: message`, then labels and help in brackets. */
export function errorsOf(text: string, options: Options = {}): readonly string[] {
  try {
    elaborated(text, options);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return error.diagnostics.map(({ code, message, span, labels, help }) => {
      const at = (s: typeof span): string => {
        if (!s) return '';
        const { line, column } = positionAt(s.source, s.start);
        return `${s.source.path === 'a.tfm' ? '' : `${s.source.path}:`}${line}:${column}`;
      };
      const shown = labels.map((label) => ` [${at(label.span)} ${label.text}]`).join('');
      return `${at(span)} ${code}: ${message}${shown}${help === undefined ? '' : ` (${help})`}`;
    });
  }
  return [];
}

export function weightNames({ graph }: Elaborated): readonly string[] {
  return graph.weights.flatMap((weight) => weight.members.map((member) => member.name));
}

/** LLaMA, with any scheme of the library and any norm. */
export const LLAMA = `use std.{Embedding, Attention, SwiGLU, Linear, RMSNorm}
use std.schemes.{PreNorm}
model Llama(vocab: axis = 61, width: axis = 24, depth = 3, heads = 3, kv = heads, hidden: axis = 40, scheme = PreNorm,
            N = x => RMSNorm()(x))(tokens: int[batch, time], targets: int[batch, time]) {
  embed = Embedding(vocab, width)
  x = scheme.enter(embed(tokens), N)
  for layer in 1..depth {
    x = scheme.block(x, (attn = Attention(heads, kv), ffn = SwiGLU(hidden)), N, layer, depth)
    probe variance = mean(var(x, over = width))
  }
  final = scheme.leave(x, N)
  logits = Linear(vocab)(final)
  loss = mean(cross_entropy(logits, targets, over = vocab), where = targets >= 0)
}
`;
