/** Finds what binds the names of a file, with the scopes that elaboration gives them. */
import type { Span } from '../support/source.ts';
import type {
  Argument,
  Attribute,
  AxisOperation,
  Body,
  Expr,
  File,
  FnItem,
  Name,
  Param,
  Pattern,
  Rule,
  Statement,
  TrainItem,
  TypeExpr,
} from './ast.ts';
import type { Declared, DeclaredKind, FreeName, Names } from './names.ts';

interface Growing extends Declared {
  readonly bindings: Span[];
  readonly uses: Span[];
}

interface Scope {
  readonly names: Map<string, Growing>;
  readonly outer: Scope | undefined;
  readonly region: Span;
  readonly body: Body | undefined;
  /** The names of a loop's body are its function's too, when they are bound there already. */
  readonly sharesOuter: boolean;
}

export function bindFile(file: File): Names {
  return new Binder(file).run();
}

class Binder {
  private readonly file: File;
  private readonly all: Growing[] = [];
  private readonly free: FreeName[] = [];
  /** Probes of a train block see the names of the model. */
  private readonly models = new Map<string, Scope>();

  constructor(file: File) {
    this.file = file;
  }

  run(): Names {
    const { uses, items, span } = this.file;
    const top: Scope = { names: new Map(), outer: undefined, region: span, body: undefined, sharesOuter: false };
    for (const { module, names } of uses) {
      const brought = names.length > 0 || module.kind === 'path' ? names : module.path.slice(-1);
      for (const name of brought) this.bind(name, 'import', top);
    }
    for (const item of items) {
      if (item.kind === 'fn') this.bind(item.name, item.model ? 'model' : 'function', top);
      if (item.kind === 'binding-item') this.bindPattern(item.binding.pattern, 'value', top);
    }
    for (const item of items) {
      if (item.kind === 'fn') this.fn(item, top);
      if (item.kind === 'binding-item') this.expr(item.binding.value, top);
    }
    for (const item of items) if (item.kind === 'train') this.train(item, top);
    return { declared: this.all, free: this.free };
  }

  private bind({ text, span }: Name, kind: DeclaredKind, scope: Scope): void {
    for (let at: Scope | undefined = scope; at; at = at.sharesOuter ? at.outer : undefined) {
      const known = at.names.get(text);
      if (!known) continue;
      known.bindings.push(span);
      return;
    }
    const made: Growing = { name: text, kind, bindings: [span], uses: [], region: scope.region, body: scope.body };
    scope.names.set(text, made);
    this.all.push(made);
  }

  private bindPattern(pattern: Pattern, kind: DeclaredKind, scope: Scope): void {
    if (pattern.kind === 'name-pattern') this.bind(pattern.name, kind, scope);
    if (pattern.kind === 'tuple-pattern') for (const item of pattern.items) this.bindPattern(item, kind, scope);
  }

  private find(name: string, scope: Scope): Growing | undefined {
    for (let at: Scope | undefined = scope; at; at = at.outer) {
      const found = at.names.get(name);
      if (found) return found;
    }
    return undefined;
  }

  private use(name: string, span: Span, scope: Scope): void {
    const found = this.find(name, scope);
    if (found) found.uses.push(span);
    else this.free.push({ name, span });
  }

  /** The name of an axis in a type or behind an arrow: bound here unless an axis of that name can be seen. */
  private axis(name: Name, scope: Scope): void {
    const found = this.find(name.text, scope);
    if (found?.body) found.uses.push(name.span);
    else this.bind(name, 'axis', functionOf(scope));
  }

  private type({ dims }: TypeExpr, scope: Scope): void {
    for (const dim of dims) if (dim.kind === 'axis-dim') this.axis(dim.name, scope);
  }

  private fn(item: FnItem, top: Scope): void {
    const scope = this.callable(item.lists, item.body, item.span, top);
    if (item.result) this.type(item.result, scope);
    if (item.model) this.models.set(item.name.text, scope);
  }

  /** A default may use any name of the lists, those of axes in types included. */
  private callable(lists: readonly (readonly Param[])[], body: Body, region: Span, outer: Scope): Scope {
    const scope: Scope = { names: new Map(), outer, region, body, sharesOuter: false };
    const params = lists.flat();
    for (const { pattern, type } of params) this.bindPattern(pattern, type === 'axis' ? 'axis' : 'parameter', scope);
    for (const { type } of params) if (type && type !== 'axis') this.type(type, scope);
    for (const { default: expr } of params) if (expr) this.expr(expr, scope);
    this.statements(body.statements, scope);
    if (body.result) this.expr(body.result, scope);
    return scope;
  }

  private statements(statements: readonly Statement[], scope: Scope): void {
    for (const statement of statements) this.statement(statement, scope);
  }

  private statement(statement: Statement, scope: Scope): void {
    switch (statement.kind) {
      case 'binding':
        this.expr(statement.value, scope);
        if (statement.type) this.type(statement.type, scope);
        this.bindPattern(statement.pattern, 'local', scope);
        return;
      case 'axis':
        this.expr(statement.size, scope);
        this.bind(statement.name, 'axis', scope);
        return;
      case 'param':
        for (const dim of [...statement.from, ...(statement.to ?? [])]) {
          if (dim.kind === 'axis-dim') this.use(dim.name.text, dim.name.span, scope);
        }
        this.expr(statement.init, scope);
        this.attributes(statement.attributes, scope);
        for (const name of statement.names) this.bind(name, 'weight', scope);
        return;
      case 'rule':
        this.rule(statement, scope);
        return;
      case 'probe':
        this.expr(statement.value, scope);
        return;
      case 'for': {
        this.expr(statement.from, scope);
        if (statement.to) this.expr(statement.to, scope);
        const variables: Scope = { ...scope, names: new Map(), outer: scope, region: statement.span };
        for (const name of statement.names) this.bind(name, 'variable', { ...variables, sharesOuter: false });
        this.statements(statement.body, { ...variables, sharesOuter: true });
        return;
      }
      case 'if':
        this.expr(statement.condition, scope);
        this.statements(statement.whenTrue, scope);
        this.statements(statement.whenFalse, scope);
        return;
    }
  }

  /** A selector may begin with an instance that the body knows. */
  private rule({ selector, attributes }: Rule, scope: Scope): void {
    const [first] = selector;
    const found = first?.kind === 'one' ? this.find(first.name.text, scope) : undefined;
    if (first?.kind === 'one' && found?.body) found.uses.push(first.name.span);
    this.attributes(attributes, scope);
  }

  private attributes(attributes: readonly Attribute[], scope: Scope): void {
    for (const { value } of attributes) this.expr(value, scope);
  }

  private train({ model, entries }: TrainItem, top: Scope): void {
    this.expr(model, top);
    const callee = model.kind === 'call' ? model.callee : model;
    const inside = callee.kind === 'name' ? this.models.get(callee.name) : undefined;
    for (const entry of entries) {
      if (entry.kind === 'binding') this.expr(entry.value, top);
      else if (entry.kind === 'rule') this.attributes(entry.attributes, top);
      else this.expr(entry.value, inside ?? top);
    }
  }

  private expr(expr: Expr, scope: Scope): void {
    switch (expr.kind) {
      case 'name':
        this.use(expr.name, expr.span, scope);
        return;
      case 'lambda':
        this.callable([expr.params], expr.body, expr.span, scope);
        return;
      case 'conditional':
        this.exprs([expr.condition, expr.whenTrue, expr.whenFalse], scope);
        return;
      case 'unary':
        this.expr(expr.operand, scope);
        return;
      case 'binary':
        this.exprs([expr.left, expr.right], scope);
        return;
      case 'contract':
        this.exprs([expr.left, expr.right], scope);
        for (const axis of expr.axes ?? []) this.use(axis.text, axis.span, scope);
        return;
      case 'call':
        this.expr(expr.callee, scope);
        this.arguments(expr.args, scope);
        return;
      case 'member':
        this.expr(expr.object, scope);
        return;
      case 'element':
        this.exprs([expr.object, expr.index], scope);
        return;
      case 'axis-index':
        this.expr(expr.object, scope);
        for (const operation of expr.operations) this.operation(operation, scope);
        return;
      case 'tuple':
        this.exprs(
          expr.items.map((item) => item.value),
          scope,
        );
        return;
      case 'list':
        this.exprs(expr.items, scope);
        return;
      default:
        return;
    }
  }

  private exprs(exprs: readonly Expr[], scope: Scope): void {
    for (const expr of exprs) this.expr(expr, scope);
  }

  private arguments(args: readonly Argument[], scope: Scope): void {
    for (const { value } of args) if (value.kind !== 'rest') this.expr(value, scope);
  }

  private operation(operation: AxisOperation, scope: Scope): void {
    if (operation.kind === 'reshape') {
      for (const name of operation.from) this.use(name.text, name.span, scope);
      for (const name of operation.to) this.axis(name, scope);
      return;
    }
    this.use(operation.axis.text, operation.axis.span, scope);
    this.exprs(operation.kind === 'at' ? [operation.index] : [operation.from, operation.to], scope);
  }
}

/** Axes that expressions make belong to the whole body. */
function functionOf(scope: Scope): Scope {
  let at = scope;
  while (at.outer && at.outer.body === at.body) at = at.outer;
  return at;
}
