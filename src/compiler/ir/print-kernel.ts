/** The stable text form of the Kernel IR, for dumps and golden files. It is no target's syntax. */
import type { BinaryOp, Expr, Kernel, Statement } from './kernel.ts';

const INFIX: { readonly [K in BinaryOp]: string | undefined } = {
  add: '+',
  sub: '-',
  mul: '*',
  div: '/',
  mod: '%',
  pow: undefined,
  max: undefined,
  min: undefined,
  eq: '==',
  ne: '!=',
  lt: '<',
  le: '<=',
  gt: '>',
  ge: '>=',
  and: '&&',
  or: '||',
  dither_f16: undefined,
  dither_bf16: undefined,
};

export function printKernel(kernel: Kernel): string {
  const { buffers, uniforms, shared, functions } = kernel;
  const lines = [
    ...kernel.doc.map((line) => `# ${line}`),
    `kernel ${kernel.name}: ${kernel.groups} x ${kernel.workgroup}, ${kernel.flops} flops, ${kernel.bytes} bytes`,
    ...(kernel.resident === undefined ? [] : [`  ${kernel.resident} at a time`]),
    ...buffers.map((b) => {
      const window = b.window ? ` from ${b.window.start}` : '';
      return `  ${b.access} ${b.name}: ${b.type}[${b.elements}] ${b.shape}${window} holds ${b.holds}`;
    }),
    ...uniforms.map((u) => `  uniform ${u.name}: ${u.type} = ${Object.values(u.source).join(' ')}`),
    ...shared.map((array) => {
      const over = array.over === undefined ? '' : ` over ${array.over}`;
      return `  shared ${array.name}: ${array.type}[${array.elements}]${over}`;
    }),
    ...functions.flatMap((fn) => {
      const params = fn.params.map((param) => `${param.name}: ${param.type}`).join(', ');
      const result = fn.result ? [`    return ${printExpr(fn.result)}`] : [];
      return [`  fn ${fn.name}(${params})  # ${fn.doc}`, ...linesOf(fn.body, '    '), ...result];
    }),
    ...linesOf(kernel.body, '  '),
  ];
  return `${lines.join('\n')}\n`;
}

function linesOf(statements: readonly Statement[], indent: string): readonly string[] {
  return statements.flatMap((statement) => statementLines(statement, indent));
}

function statementLines(statement: Statement, indent: string): readonly string[] {
  const inner = `${indent}  `;
  switch (statement.kind) {
    case 'comment':
      return [`${indent}# ${statement.text}`];
    case 'let':
      return [`${indent}let ${statement.name} = ${printExpr(statement.value)}`];
    case 'var':
      return [`${indent}var ${statement.name}: ${statement.type} = ${printExpr(statement.value)}`];
    case 'assign':
      return [`${indent}${statement.name} = ${printExpr(statement.value)}`];
    case 'shuffle':
      return [`${indent}let ${statement.name} = shuffle(${printExpr(statement.value)}, ${printExpr(statement.lane)})`];
    case 'store':
    case 'store_shared': {
      const memory = statement.kind === 'store' ? statement.buffer : statement.array;
      const fours = statement.value.type === 'vec4' ? '.fours' : '';
      return [`${indent}${memory}${fours}[${printExpr(statement.index)}] = ${printExpr(statement.value)}`];
    }
    case 'copy_shared': {
      const { array, to, buffer, from, elements, inside } = statement;
      const where = inside.kind === 'literal' && inside.value === 1 ? '' : ` where ${printExpr(inside)}`;
      return [`${indent}copy ${elements}: ${array}[${printExpr(to)}] = ${buffer}[${printExpr(from)}]${where}`];
    }
    case 'commit_copies':
      return [`${indent}commit copies`];
    case 'wait_copies':
      return [`${indent}wait for copies but ${statement.open}`];
    case 'assign_element':
      return [`${indent}${statement.array}[${printExpr(statement.index)}] = ${printExpr(statement.value)}`];
    case 'load_fragment': {
      const { name, side, array, index, stride, along } = statement;
      return [`${indent}let ${name} = ${side}_fragment(${array}, ${printExpr(index)}, ${stride}, ${along})`];
    }
    case 'round_fragment': {
      const { name, type, from, first } = statement;
      return [`${indent}let ${name} = row_fragment(${from}[${printExpr(first)} ..] in ${type})`];
    }
    case 'multiply_fragments': {
      const { type, into, first, row, column } = statement;
      return [`${indent}${into}[${printExpr(first)} ..] += ${row} x ${column} in ${type}`];
    }
    case 'array': {
      const values = statement.values.map((value) => printExpr(value)).join(', ');
      return [`${indent}array ${statement.name}: ${statement.type}[${statement.elements}] = [${values}]`];
    }
    case 'for': {
      const range = [statement.from, statement.to, statement.step].map((expr) => printExpr(expr)).join(' .. ');
      return [`${indent}for ${statement.name} in ${range}`, ...linesOf(statement.body, inner)];
    }
    case 'if': {
      const otherwise = statement.else.length === 0 ? [] : [`${indent}else`, ...linesOf(statement.else, inner)];
      return [`${indent}if ${printExpr(statement.condition)}`, ...linesOf(statement.then, inner), ...otherwise];
    }
    case 'call':
      return [`${indent}${statement.fn}(${statement.args.map((arg) => printExpr(arg)).join(', ')})`];
    case 'barrier':
    case 'return':
      return [`${indent}${statement.kind}`];
  }
}

export function printExpr(expr: Expr): string {
  const call = (name: string, args: readonly Expr[]): string => `${name}(${args.map(printExpr).join(', ')})`;
  switch (expr.kind) {
    case 'literal':
      return literalText(expr.type, expr.value);
    case 'local':
    case 'uniform':
      return expr.name;
    case 'builtin':
      return `@${expr.name}`;
    case 'load':
      return `${expr.buffer}${expr.type === 'vec4' ? '.fours' : ''}[${printExpr(expr.index)}]`;
    case 'load_shared':
      return `${expr.array}${expr.type === 'vec4' ? '.fours' : ''}[${printExpr(expr.index)}]`;
    case 'element':
      return `${expr.array}[${printExpr(expr.index)}]`;
    case 'call':
      return call(expr.fn, expr.args);
    case 'unary':
      return call(expr.op, [expr.operand]);
    case 'binary': {
      const infix = INFIX[expr.op];
      if (infix === undefined) return call(expr.op, [expr.left, expr.right]);
      return `(${printExpr(expr.left)} ${infix} ${printExpr(expr.right)})`;
    }
    case 'select':
      return `(${printExpr(expr.condition)} ? ${printExpr(expr.then)} : ${printExpr(expr.else)})`;
    case 'cast':
      return call(expr.type, [expr.operand]);
    case 'random':
      return `random[${expr.key}](${expr.counters.map(printExpr).join(', ')})`;
    case 'vector':
      return call('vec4', expr.parts);
    case 'component':
      return `${printExpr(expr.vector)}.${expr.index}`;
  }
}

function literalText(type: string, value: number): string {
  if (type === 'bool') return value === 0 ? 'false' : 'true';
  if (type === 'u32') return `${value}`;
  const text = Object.is(value, -0) ? '-0' : `${value}`;
  return type === 'f32' && /^-?\d+$/.test(text) ? `${text}.0` : type === 'i32' ? `${text}i` : text;
}
