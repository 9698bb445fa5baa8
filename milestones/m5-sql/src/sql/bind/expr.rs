//! sqlparser's expressions to bound ones: names to columns, literals to values, and a type for every node.
//!
//! [`Binder::bind`] goes down the tree once. How deep it goes is bounded; chains are taken apart in a loop, since they
//! may be thousands of terms long. Those of AND and OR come out as a balanced tree, those of `+` and `||` as one node.

use super::super::expr::{Aggregate, BinaryOp, Expr, UnaryOp};
use super::super::like_escape;
use super::super::limits::too_deep;
use super::super::position::{locate, sign_between};
use super::super::source_text::SourceText;
use super::coerce::{Typed, cast_explicitly, common_type, convert, type_name};
use super::function::LIKE_ESCAPE;
use super::scope::{self, Scope};
use super::{data_type_at, exact, literal, operator};
use crate::error::{Error, Result, SqlState};
use crate::types::{DataType, Value};
use sqlparser::ast::{self, BinaryOperator, CaseWhen, CastKind, Spanned, UnaryOperator};
use sqlparser::tokenizer::Span;

/// How deep expressions may nest, not counting parentheses that only group. A chain is one level.
const MAX_DEPTH: usize = 600;

/// Nodes that may be bound twice because SQL defines one form by another (BETWEEN, CASE with an operand). Each takes up to
/// 150 bytes in the tree and in the plan.
const MAX_COPIED: usize = 250_000;

/// An aggregate is bound to a column beyond any that a table can have: this one plus its number.
pub const AGGREGATES: usize = 1 << 20;

/// Binds the expressions of one clause after another of a statement.
pub struct Binder<'a> {
    pub text: SourceText<'a>,
    /// The columns in sight, if any.
    pub scope: Option<&'a Scope>,
    /// The clause being bound, as messages call it.
    pub clause: &'static str,
    /// Whether the clause may hold aggregates; those that were found are collected.
    pub takes_aggregates: bool,
    pub aggregates: Vec<Aggregate>,
    pub in_aggregate: bool,
    depth: usize,
    copied: usize,
}

impl<'a> Binder<'a> {
    pub fn new(text: SourceText<'a>, scope: Option<&'a Scope>, clause: &'static str) -> Binder<'a> {
        Binder {
            text,
            scope,
            clause,
            takes_aggregates: false,
            aggregates: Vec::new(),
            in_aggregate: false,
            depth: 0,
            copied: 0,
        }
    }

    /// Turns to the next clause.
    pub fn enter(&mut self, clause: &'static str, takes_aggregates: bool) {
        self.clause = clause;
        self.takes_aggregates = takes_aggregates;
    }

    pub fn bind(&mut self, mut expr: &ast::Expr) -> Result<Typed> {
        while let ast::Expr::Nested(inner) = expr {
            expr = inner;
        }
        match expr {
            ast::Expr::Value(value) => return literal::bind(value, self.text),
            ast::Expr::Identifier(ident) => return scope::resolve(self.scope, ident, self.text),
            ast::Expr::CompoundIdentifier(idents) => {
                return scope::resolve_qualified(self.scope, idents, self.text);
            }
            _ => {}
        }
        if self.depth >= MAX_DEPTH {
            return Err(too_deep("Expressions may be nested at most 600 deep."));
        }
        self.depth += 1;
        let bound = self.bind_node(expr);
        self.depth -= 1;
        bound
    }

    /// One arm for each kind of node. The work is done elsewhere: this function's frame is on the stack once
    /// for each level of the tree.
    fn bind_node(&mut self, expr: &ast::Expr) -> Result<Typed> {
        use ast::Expr as E;
        match expr {
            E::BinaryOp { op: BinaryOperator::And, .. } => self.chain(expr, BinaryOp::And),
            E::BinaryOp { op: BinaryOperator::Or, .. } => self.chain(expr, BinaryOp::Or),
            E::BinaryOp { op, .. } if makes_chains(op) => self.links(expr),
            E::BinaryOp { left, op, right } => self.binary(left, op, right),
            E::UnaryOp { op, expr } => self.unary(*op, expr),
            E::IsNull(operand) => self.is_null(operand, false),
            E::IsNotNull(operand) => self.is_null(operand, true),
            E::IsTrue(operand) => self.is_boolean(operand, "IS TRUE", BinaryOp::IsNotDistinctFrom, true),
            E::IsNotTrue(operand) => self.is_boolean(operand, "IS NOT TRUE", BinaryOp::IsDistinctFrom, true),
            E::IsFalse(operand) => self.is_boolean(operand, "IS FALSE", BinaryOp::IsNotDistinctFrom, false),
            E::IsNotFalse(operand) => {
                self.is_boolean(operand, "IS NOT FALSE", BinaryOp::IsDistinctFrom, false)
            }
            E::IsUnknown(operand) => self.is_unknown(operand, "IS UNKNOWN", false),
            E::IsNotUnknown(operand) => self.is_unknown(operand, "IS NOT UNKNOWN", true),
            E::IsDistinctFrom(left, right) => self.compare(BinaryOp::IsDistinctFrom, left, right),
            E::IsNotDistinctFrom(left, right) => self.compare(BinaryOp::IsNotDistinctFrom, left, right),
            E::InList { expr, list, negated } => self.in_list(expr, list, *negated),
            E::Between { expr, negated, low, high } => self.between(expr, *negated, low, high),
            E::Like { negated, any: false, expr, pattern, escape_char } => {
                self.like((expr, pattern, escape_char.as_deref()), *negated, false)
            }
            E::ILike { negated, any: false, expr, pattern, escape_char } => {
                self.like((expr, pattern, escape_char.as_deref()), *negated, true)
            }
            E::Cast { kind: CastKind::Cast | CastKind::DoubleColon, expr, data_type, format: None } => {
                self.cast(expr, data_type)
            }
            E::TypedString(typed) => self.typed_string(typed),
            E::Case { case_token, operand, conditions, else_result, .. } => {
                self.case(case_token.0.span, operand.as_deref(), conditions, else_result.as_deref())
            }
            E::Function(function) => self.function(function),
            E::Trim { trim_where, trim_what, expr, trim_characters } => {
                match trim_what.is_some() || trim_characters.is_some() {
                    true => Err(Error::unsupported("trim of anything but spaces")),
                    false => self.trim(*trim_where, expr),
                }
            }
            E::Substring { expr, substring_from, substring_for, shorthand, .. } => {
                let name = if *shorthand { "substr" } else { "substring" };
                self.substring(name, expr, substring_from.as_deref(), substring_for.as_deref())
            }
            E::Ceil { expr, field } => self.rounding("ceil", expr, field),
            E::Floor { expr, field } => self.rounding("floor", expr, field),
            other => Err(unsupported(other)),
        }
    }

    /// Binds an expression that must be boolean; `place` is what the message says it is the argument of.
    pub fn condition(&mut self, expr: &ast::Expr, place: &str) -> Result<Expr> {
        let typed = self.bind(expr)?;
        boolean(self.text, typed, place)
    }

    /// `a AND b AND c …`: one level, however long.
    fn chain(&mut self, expr: &ast::Expr, op: BinaryOp) -> Result<Typed> {
        let (mut operands, mut pending) = (Vec::new(), vec![expr]);
        while let Some(expr) = pending.pop() {
            match expr {
                ast::Expr::Nested(inner) => pending.push(inner),
                ast::Expr::BinaryOp { left, op: BinaryOperator::And, right } if op == BinaryOp::And => {
                    pending.extend([&**right, &**left]);
                }
                ast::Expr::BinaryOp { left, op: BinaryOperator::Or, right } if op == BinaryOp::Or => {
                    pending.extend([&**right, &**left]);
                }
                operand => operands.push(self.condition(operand, op.symbol())?),
            }
        }
        Expr::combine(op, operands)
            .map(Typed::known)
            .ok_or_else(|| Error::internal("a chain without operands"))
    }

    /// `a + b - c …`: one level, too, from left to right.
    fn links(&mut self, expr: &ast::Expr) -> Result<Typed> {
        let (mut first, mut links) = (expr, Vec::new());
        loop {
            first = match first {
                ast::Expr::Nested(inner) => inner,
                ast::Expr::BinaryOp { left, op, right } if makes_chains(op) => {
                    links.push((operator::binary_op(op)?, &**right));
                    left
                }
                _ => break,
            }
        }
        let mut left = self.bind(first)?;
        for (op, right) in links.into_iter().rev() {
            let (right, span) = (self.bind(right)?, left.span);
            left = operator::binary(self.text, op, left, right).map(|expr| Typed::known(expr).at(span))?;
        }
        Ok(left)
    }

    fn binary(&mut self, left: &ast::Expr, op: &BinaryOperator, right: &ast::Expr) -> Result<Typed> {
        // LIKE by the names of its operators, as deparsed expressions have it.
        match op {
            BinaryOperator::PGLikeMatch => return self.like((left, right, None), false, false),
            BinaryOperator::PGNotLikeMatch => return self.like((left, right, None), true, false),
            BinaryOperator::PGILikeMatch => return self.like((left, right, None), false, true),
            BinaryOperator::PGNotILikeMatch => return self.like((left, right, None), true, true),
            _ => {}
        }
        let op = operator::binary_op(op)?;
        if op.is_comparison() && is_comparison(left) {
            return Err(self.chained(op, start_of(left), start_of(right)));
        }
        let left = self.bind(left)?;
        let right = self.bind(right)?;
        let span = left.span;
        operator::binary(self.text, op, left, right).map(|expr| Typed::known(expr).at(span))
    }

    /// `a < b < c`: comparisons have no order among themselves, and PostgreSQL's grammar stops at the second.
    fn chained(&self, op: BinaryOp, left: Span, right: Span) -> Error {
        let place = sign_between(&self.text, &[op.symbol()], left, right);
        let message = format!("syntax error at or near \"{}\"", op.symbol());
        locate(Error::new(SqlState::SyntaxError, message), self.text, place)
    }

    fn compare(&mut self, op: BinaryOp, left: &ast::Expr, right: &ast::Expr) -> Result<Typed> {
        let left = self.bind(left)?;
        let right = self.bind(right)?;
        let span = left.span;
        operator::compare(self.text, op, &["IS"], left, right).map(|expr| Typed::known(expr).at(span))
    }

    fn unary(&mut self, op: UnaryOperator, operand: &ast::Expr) -> Result<Typed> {
        match op {
            UnaryOperator::Not => {
                let operand = Box::new(self.condition(operand, "NOT")?);
                Ok(Typed::known(Expr::Unary { op: UnaryOp::Not, operand }))
            }
            UnaryOperator::Minus => match literal::negated(operand, self.text) {
                Some(number) => number,
                None => operator::negate(self.text, self.bind(operand)?),
            },
            UnaryOperator::Plus => operator::plus(self.text, self.bind(operand)?),
            other => Err(Error::unsupported(format!("operator {other}"))),
        }
    }

    fn is_null(&mut self, operand: &ast::Expr, negated: bool) -> Result<Typed> {
        let operand = self.bind(operand)?;
        let span = operand.span;
        let operand = Box::new(operand.expr);
        Ok(Typed::known(Expr::IsNull { operand, negated }).at(span))
    }

    /// `operand IS [NOT] TRUE` is a comparison that is never NULL.
    fn is_boolean(&mut self, operand: &ast::Expr, place: &str, op: BinaryOp, value: bool) -> Result<Typed> {
        let operand = self.condition(operand, place)?;
        Ok(Typed::known(operator::join(op, operand, Expr::boolean(value))))
    }

    fn is_unknown(&mut self, operand: &ast::Expr, place: &str, negated: bool) -> Result<Typed> {
        let operand = Box::new(self.condition(operand, place)?);
        Ok(Typed::known(Expr::IsNull { operand, negated }))
    }

    /// `operand [NOT] IN (list)`: the constants are compared in the one type that they and the operand have in common, and
    /// so is what has the operand's own type. Everything else is a comparison of its own, as in PostgreSQL.
    fn in_list(&mut self, operand: &ast::Expr, list: &[ast::Expr], negated: bool) -> Result<Typed> {
        let operand = self.bind(operand)?;
        let span = operand.span;
        let items = list.iter().map(|item| self.bind(item)).collect::<Result<Vec<_>>>()?;
        let items = exact::integers(&operand, items)?;
        let constants = items.iter().filter(|item| item.expr.is_constant());
        let common = common_type(std::iter::once(&operand).chain(constants)).ok();
        let (together, alone): (Vec<_>, Vec<_>) = items.into_iter().partition(|item| {
            common.is_some_and(|to| is_compared_in(to, &operand, item)) && !exact::applies(&operand, item)
        });
        let (equal, joint) =
            if negated { (BinaryOp::NotEqual, BinaryOp::And) } else { (BinaryOp::Equal, BinaryOp::Or) };
        let mut comparisons = Vec::with_capacity(alone.len() + 1);
        for item in alone {
            let operand = self.copy(&operand)?;
            comparisons.push(operator::compare(self.text, equal, &["IN"], operand, item)?);
        }
        if let (Some(common), false) = (common, together.is_empty()) {
            let to = narrowest(&operand, &together, common);
            let list = together.into_iter().map(|item| convert_to(self.text, item, to));
            let list = list.collect::<Result<Vec<_>>>()?;
            let operand = Box::new(convert_to(self.text, operand, to)?);
            comparisons.insert(0, Expr::InList { operand, list, negated });
        }
        Expr::combine(joint, comparisons)
            .map(|expr| Typed::known(expr).at(span))
            .ok_or_else(|| Error::internal("an empty list"))
    }

    /// `x BETWEEN a AND b` is `x >= a AND x <= b`, as in PostgreSQL: so the planner has one thing to look for.
    fn between(
        &mut self,
        operand: &ast::Expr,
        negated: bool,
        low: &ast::Expr,
        high: &ast::Expr,
    ) -> Result<Typed> {
        use BinaryOp::{And, Greater, GreaterOrEqual, Less, LessOrEqual, Or};
        let operand = self.bind(operand)?;
        let (low, high) = (self.bind(low)?, self.bind(high)?);
        let (above, below, joint) =
            if negated { (Less, Greater, Or) } else { (GreaterOrEqual, LessOrEqual, And) };
        let again = self.copy(&operand)?;
        let span = operand.span;
        let above = operator::compare(self.text, above, &["BETWEEN"], operand, low)?;
        let below = operator::compare(self.text, below, &["BETWEEN"], again, high)?;
        Ok(Typed::known(operator::join(joint, above, below)).at(span))
    }

    /// A second use of an operand. Nested, these would multiply; so they are counted.
    fn copy(&mut self, operand: &Typed) -> Result<Typed> {
        self.copied += operand.expr.size();
        if self.copied > MAX_COPIED {
            return Err(too_deep("BETWEEN and CASE repeat their operand, which is too large here."));
        }
        Ok(operand.clone())
    }

    fn like(
        &mut self,
        (operand, pattern, escape): (&ast::Expr, &ast::Expr, Option<&ast::Expr>),
        negated: bool,
        ignore_case: bool,
    ) -> Result<Typed> {
        let (operand, mut pattern) = (self.bind(operand)?, self.bind(pattern)?);
        let symbol = match (ignore_case, negated) {
            (false, false) => "~~",
            (false, true) => "!~~",
            (true, false) => "~~*",
            (true, true) => "!~~*",
        };
        let signs = [if ignore_case { "ILIKE" } else { "LIKE" }, symbol];
        let (left, right) = (operand.span, pattern.span);
        let place = |text: SourceText<'_>| sign_between(&text, &signs, left, right);
        if let Some(escape) = escape {
            let escape = self.bind(escape)?;
            if let Expr::Literal { value: Value::Text(text), .. } = &escape.expr {
                like_escape::character(text)?;
            }
            let escaped = self.scalar(LIKE_ESCAPE, vec![pattern, escape], Span::empty());
            pattern = escaped.map_err(|error| locate(error, self.text, place(self.text)))?;
        }
        if [&operand, &pattern].iter().any(|side| !side.unknown && !side.data_type().is_text()) {
            let names = (operand.type_name(), pattern.type_name());
            return Err(operator::undefined(symbol, &names.0, &names.1, self.text, place(self.text)));
        }
        let operand = Box::new(convert(self.text, operand, DataType::Text)?);
        let pattern = Box::new(convert(self.text, pattern, DataType::Text)?);
        Ok(Typed::known(Expr::Like { operand, pattern, ignore_case, negated }).at(left))
    }

    fn cast(&mut self, operand: &ast::Expr, to: &ast::DataType) -> Result<Typed> {
        let to = data_type_at(to, self.text)?;
        let operand = self.bind(operand)?;
        let span = operand.span;
        cast_explicitly(self.text, operand, to).map(|expr| Typed::known(expr).at(span))
    }

    /// `type 'text'`
    fn typed_string(&mut self, typed: &ast::TypedString) -> Result<Typed> {
        let to = data_type_at(&typed.data_type, self.text)?;
        let operand = literal::bind(&typed.value, self.text)?;
        cast_explicitly(self.text, operand, to).map(Typed::known)
    }

    fn case(
        &mut self,
        span: Span,
        operand: Option<&ast::Expr>,
        branches: &[CaseWhen],
        otherwise: Option<&ast::Expr>,
    ) -> Result<Typed> {
        let operand = match operand.map(|operand| self.bind(operand)).transpose()? {
            // PostgreSQL takes it for text before it looks at what it is compared with.
            Some(operand) if operand.unknown => {
                let span = operand.span;
                Some(Typed::known(convert(self.text, operand, DataType::Text)?).at(span))
            }
            operand => operand,
        };
        let mut conditions = Vec::with_capacity(branches.len());
        // ELSE first, as PostgreSQL does when it looks for the type; its message names the types in that order.
        let mut results = vec![match otherwise {
            Some(otherwise) => self.bind(otherwise)?,
            None => null(),
        }];
        for CaseWhen { condition, result } in branches {
            conditions.push(match &operand {
                None => self.condition(condition, "CASE/WHEN")?,
                Some(operand) => {
                    let operand = self.copy(operand)?;
                    let condition = self.bind(condition)?;
                    operator::compare(self.text, BinaryOp::Equal, &["WHEN"], operand, condition)?
                }
            });
            results.push(self.bind(result)?);
        }
        let (data_type, mut results) = self.match_types("CASE", results)?;
        let otherwise = Box::new(results.remove(0));
        let branches = conditions.into_iter().zip(results).collect();
        Ok(Typed::known(Expr::Case { branches, otherwise, data_type }).at(span))
    }

    /// Brings expressions that stand for one value to one type.
    pub fn match_types(&mut self, construct: &str, items: Vec<Typed>) -> Result<(DataType, Vec<Expr>)> {
        let to = common_type(items.iter()).map_err(|(left, right)| {
            let message =
                format!("{construct} types {} and {} cannot be matched", type_name(left), type_name(right));
            let offender = items.iter().find(|item| !item.unknown && item.data_type() == right);
            let span = offender.map_or_else(Span::empty, |item| item.span);
            locate(Error::new(SqlState::DatatypeMismatch, message), self.text, span)
        })?;
        let items = exact::among_integers(items);
        let items = items.into_iter().map(|item| convert(self.text, item, to)).collect::<Result<_>>()?;
        Ok((to, items))
    }
}

/// Where an expression begins, if that is easily said. sqlparser's own `span` looks at all of it and calls itself for each
/// level; a chain of ANDs has thousands.
pub fn start_of(mut expr: &ast::Expr) -> Span {
    use ast::Expr as E;
    loop {
        expr = match expr {
            E::BinaryOp { left: first, .. }
            | E::Nested(first)
            | E::UnaryOp { expr: first, .. }
            | E::IsNull(first)
            | E::IsNotNull(first)
            | E::InList { expr: first, .. }
            | E::Between { expr: first, .. }
            | E::Like { expr: first, .. }
            | E::ILike { expr: first, .. } => first,
            E::Identifier(name) => return name.span,
            E::CompoundIdentifier(names) => return names.first().map_or_else(Span::empty, |name| name.span),
            E::Value(value) => return value.span,
            E::Function(function) => return function.name.span(),
            E::Case { case_token, .. } => return case_token.0.span,
            _ => return Span::empty(),
        };
    }
}

fn makes_chains(op: &BinaryOperator) -> bool {
    use BinaryOperator::{Divide, Minus, Modulo, Multiply, Plus, StringConcat};
    matches!(op, Plus | Minus | Multiply | Divide | Modulo | StringConcat)
}

/// Whether an expression is a comparison by a sign, not in parentheses.
fn is_comparison(expr: &ast::Expr) -> bool {
    use BinaryOperator::{Eq, Gt, GtEq, Lt, LtEq, NotEq};
    matches!(expr, ast::Expr::BinaryOp { op: Eq | NotEq | Lt | LtEq | Gt | GtEq, .. })
}

/// Checks that a bound expression is boolean.
fn boolean(text: SourceText<'_>, typed: Typed, place: &str) -> Result<Expr> {
    if typed.unknown {
        return convert(text, typed, DataType::Boolean);
    }
    match typed.data_type() {
        DataType::Boolean => Ok(typed.expr),
        other => {
            let message = format!("argument of {place} must be type boolean, not type {}", type_name(other));
            Err(locate(Error::new(SqlState::DatatypeMismatch, message), text, typed.span))
        }
    }
}

/// Whether an item of an IN list may be compared in the type that the operand and the constants have in common.
fn is_compared_in(common: DataType, operand: &Typed, item: &Typed) -> bool {
    let same = |left: DataType, right: DataType| left == right || (left.is_text() && right.is_text());
    let own = operand.data_type();
    item.expr.is_constant() || (!operand.unknown && same(own, common) && same(own, item.data_type()))
}

/// The type to compare an IN list in: the operand's own, if all literals of the list exist in it.
fn narrowest(operand: &Typed, list: &[Typed], common: DataType) -> DataType {
    let own = operand.data_type();
    let fits = |item: &Typed| match &item.expr {
        Expr::Literal { value, data_type } if data_type.is_integer() => value.clone().coerce_to(own).is_ok(),
        Expr::Parameter { data_type, .. } => item.unknown || data_type.is_integer(),
        _ => item.unknown || item.data_type() == own,
    };
    match common.is_integer() && own.is_integer() && !operand.unknown && list.iter().all(fits) {
        true => own,
        false if common.is_text() => DataType::Text,
        false => common,
    }
}

/// Converts, or takes an integer literal down to a type that it fits.
fn convert_to(text: SourceText<'_>, item: Typed, to: DataType) -> Result<Expr> {
    match item.expr {
        Expr::Literal { value, data_type } if !item.unknown && data_type.is_integer() && to.is_integer() => {
            Ok(Expr::Literal { value: value.coerce_to(to)?, data_type: to })
        }
        Expr::Parameter { data_type, .. } if !item.unknown && data_type.is_integer() && to.is_integer() => {
            Ok(item.expr.retyped(to))
        }
        expr => convert(text, Typed { expr, ..item }, to),
    }
}

pub fn null() -> Typed {
    let expr = Expr::Literal { value: Value::Null, data_type: DataType::Text };
    Typed { unknown: true, ..Typed::known(expr) }
}

/// The error for what sqlparser reads and this database does not have.
fn unsupported(expr: &ast::Expr) -> Error {
    use ast::Expr as E;
    let what = match expr {
        E::Subquery(_) | E::InSubquery { .. } => "a subquery",
        E::Exists { .. } => "EXISTS",
        E::AnyOp { .. } | E::AllOp { .. } => "ANY and ALL",
        E::Array(_) | E::CompoundFieldAccess { .. } => "an array",
        E::Tuple(_) => "a row constructor",
        E::Collate { .. } => "COLLATE",
        E::Interval(_) => "type interval",
        E::Extract { .. } => "EXTRACT",
        E::AtTimeZone { .. } => "AT TIME ZONE",
        E::SimilarTo { .. } => "SIMILAR TO",
        E::Position { .. } => "function position",
        E::Overlay { .. } => "function overlay",
        E::GroupingSets(_) | E::Cube(_) | E::Rollup(_) => "a grouping set (GROUPING SETS, CUBE, ROLLUP)",
        E::IsJson { .. } | E::JsonAccess { .. } => "JSON",
        E::Like { .. } | E::ILike { .. } => "LIKE ANY",
        E::Wildcard(_) | E::QualifiedWildcard(..) => {
            return Error::new(SqlState::SyntaxError, "syntax error at or near \"*\"");
        }
        _ => "this expression",
    };
    Error::unsupported(what)
}
