//! Constant folding: what does not depend on a row is computed once.
//!
//! Where the computation fails (`1/0`, an overflow), the expression stays as it is and fails when it runs, if it
//! runs. Only the cheap and common operations are folded; the rest are constants to the executor, too.

use super::super::expr::{BinaryOp, Expr, Function, UnaryOp};
use super::super::like_escape;
use crate::types::{DataType, Value};
use std::cmp::Ordering;

pub fn folded(mut expr: Expr) -> Expr {
    fold(&mut expr);
    expr
}

pub fn fold(expr: &mut Expr) {
    expr.for_each_child_mut(&mut fold);
    if let Some(simpler) = simplify(expr) {
        *expr = simpler;
    }
}

/// The simpler form of a node whose children are folded already.
fn simplify(expr: &mut Expr) -> Option<Expr> {
    let data_type = expr.data_type();
    match expr {
        Expr::Unary { op: UnaryOp::Not, operand } => not(operand),
        Expr::Unary { op: UnaryOp::Negate, operand } => {
            let value = constant(operand)?;
            let zero = Value::Integer(0).coerce_to(data_type).ok()?;
            match value {
                Value::Double(number) => Some(literal(Value::Double(-number), data_type)),
                value => arithmetic(BinaryOp::Subtract, &zero, value, data_type),
            }
        }
        Expr::Binary { op: op @ (BinaryOp::And | BinaryOp::Or), left, right } => logic(*op, left, right),
        Expr::Binary { op, left, right } => match (constant(left), constant(right)) {
            (Some(left), Some(right)) => binary(*op, left, right, data_type),
            (None, Some(Value::Boolean(value))) => equals_boolean(*op, left, *value),
            (Some(Value::Boolean(value)), None) => equals_boolean(*op, right, *value),
            _ => None,
        },
        Expr::Chain { first, rest } => beginning(first, rest, data_type),
        Expr::Cast { operand, to, explicit } => {
            let value = constant(operand)?.clone();
            let cuts = *explicit && matches!(to, DataType::Varchar(Some(_)));
            let is_boolean_text = matches!(value, Value::Boolean(_)) && to.is_text();
            let from_boolean = matches!(value, Value::Boolean(_)) || *to == DataType::Boolean;
            if cuts || is_boolean_text || from_boolean {
                return None;
            }
            Some(literal(value.coerce_to(*to).ok()?, *to))
        }
        Expr::IsNull { operand, negated } => Some(Expr::boolean(constant(operand)?.is_null() != *negated)),
        Expr::Function { function: Function::LikeEscape, arguments, .. } => escaped(arguments),
        _ => None,
    }
}

/// A pattern with ESCAPE as one without.
fn escaped(arguments: &[Expr]) -> Option<Expr> {
    let [pattern, escape] = arguments else { return None };
    let written = match (constant(pattern), constant(escape)) {
        (Some(Value::Text(pattern)), Some(Value::Text(escape))) => {
            like_escape::rewrite(pattern, escape).ok()?
        }
        (Some(Value::Null), _) | (_, Some(Value::Null)) => return Some(literal(Value::Null, DataType::Text)),
        _ => return None,
    };
    Some(literal(Value::Text(written), DataType::Text))
}

fn constant(expr: &Expr) -> Option<&Value> {
    match expr {
        Expr::Literal { value, .. } => Some(value),
        _ => None,
    }
}

fn literal(value: Value, data_type: DataType) -> Expr {
    Expr::Literal { value, data_type }
}

fn null_boolean() -> Expr {
    literal(Value::Null, DataType::Boolean)
}

/// Computes what of a chain is constant from its beginning on: `1 + 2 + a` is `3 + a`.
fn beginning(first: &mut Expr, rest: &mut Vec<(BinaryOp, Expr)>, data_type: DataType) -> Option<Expr> {
    let mut folded = 0;
    for (op, operand) in rest.iter() {
        let (Some(left), Some(right)) = (constant(first), constant(operand)) else { break };
        let Some(value) = binary(*op, left, right, data_type) else { break };
        *first = value;
        folded += 1;
    }
    rest.drain(..folded);
    rest.is_empty().then(|| take(first))
}

/// `NOT (a < b)` is `a >= b`, also where one of them is NULL; so an index may serve it.
fn not(operand: &mut Expr) -> Option<Expr> {
    use BinaryOp::*;
    match operand {
        Expr::Literal { value: Value::Boolean(value), .. } => Some(Expr::boolean(!*value)),
        Expr::Literal { value: Value::Null, .. } => Some(null_boolean()),
        Expr::Unary { op: UnaryOp::Not, operand } => Some(take(operand)),
        Expr::Binary { op, left, right } => {
            let op = match op {
                Equal => NotEqual,
                NotEqual => Equal,
                Less => GreaterOrEqual,
                LessOrEqual => Greater,
                Greater => LessOrEqual,
                GreaterOrEqual => Less,
                IsDistinctFrom => IsNotDistinctFrom,
                IsNotDistinctFrom => IsDistinctFrom,
                _ => return None,
            };
            Some(Expr::Binary { op, left: Box::new(take(left)), right: Box::new(take(right)) })
        }
        Expr::IsNull { negated, .. } | Expr::InList { negated, .. } | Expr::Like { negated, .. } => {
            *negated = !*negated;
            Some(take(operand))
        }
        _ => None,
    }
}

fn logic(op: BinaryOp, left: &mut Expr, right: &mut Expr) -> Option<Expr> {
    // The value that decides: false for AND, true for OR.
    let decides = op == BinaryOp::Or;
    match (constant(left), constant(right)) {
        (Some(Value::Boolean(value)), _) if *value == decides => Some(Expr::boolean(decides)),
        (_, Some(Value::Boolean(value))) if *value == decides => Some(Expr::boolean(decides)),
        (Some(Value::Boolean(_)), _) => Some(take(right)),
        (_, Some(Value::Boolean(_))) => Some(take(left)),
        (Some(Value::Null), Some(Value::Null)) => Some(null_boolean()),
        _ => None,
    }
}

/// `active = true` is `active`, `active = false` is `NOT active`.
fn equals_boolean(op: BinaryOp, operand: &mut Expr, value: bool) -> Option<Expr> {
    let keep = match op {
        BinaryOp::Equal => value,
        BinaryOp::NotEqual => !value,
        _ => return None,
    };
    match keep {
        true => Some(take(operand)),
        false => Some(folded(Expr::Unary { op: UnaryOp::Not, operand: Box::new(take(operand)) })),
    }
}

fn take(expr: &mut Expr) -> Expr {
    std::mem::replace(expr, null_boolean())
}

fn binary(op: BinaryOp, left: &Value, right: &Value, data_type: DataType) -> Option<Expr> {
    match op {
        BinaryOp::IsDistinctFrom | BinaryOp::IsNotDistinctFrom => {
            let same = match (left.is_null(), right.is_null()) {
                (false, false) => order(left, right)? == Ordering::Equal,
                (left, right) => left == right,
            };
            Some(Expr::boolean(same == (op == BinaryOp::IsNotDistinctFrom)))
        }
        _ if left.is_null() || right.is_null() => Some(literal(Value::Null, data_type)),
        BinaryOp::Concat => match (left, right) {
            (Value::Text(left), Value::Text(right)) => {
                Some(literal(Value::Text(format!("{left}{right}")), DataType::Text))
            }
            _ => None,
        },
        op if op.is_comparison() => Some(Expr::boolean(holds(op, order(left, right)?))),
        op => arithmetic(op, left, right, data_type),
    }
}

fn holds(op: BinaryOp, order: Ordering) -> bool {
    match op {
        BinaryOp::Equal => order.is_eq(),
        BinaryOp::NotEqual => order.is_ne(),
        BinaryOp::Less => order.is_lt(),
        BinaryOp::LessOrEqual => order.is_le(),
        BinaryOp::Greater => order.is_gt(),
        _ => order.is_ge(),
    }
}

/// The order of two values of one type. NaN equals itself and is greater than any number.
fn order(left: &Value, right: &Value) -> Option<Ordering> {
    Some(match (left, right) {
        (Value::Boolean(left), Value::Boolean(right)) => left.cmp(right),
        (Value::Text(left), Value::Text(right)) => left.as_bytes().cmp(right.as_bytes()),
        (Value::Double(left), Value::Double(right)) => {
            left.partial_cmp(right).unwrap_or_else(|| left.is_nan().cmp(&right.is_nan()))
        }
        (left, right) => integer(left)?.cmp(&integer(right)?),
    })
}

fn integer(value: &Value) -> Option<i64> {
    match *value {
        Value::SmallInt(number) => Some(i64::from(number)),
        Value::Integer(number) => Some(i64::from(number)),
        Value::BigInt(number) => Some(number),
        _ => None,
    }
}

/// `None` where the result does not exist or does not fit: the executor reports it.
fn arithmetic(op: BinaryOp, left: &Value, right: &Value, data_type: DataType) -> Option<Expr> {
    let value = match (left, right) {
        (Value::Double(left), Value::Double(right)) => {
            let result = match op {
                BinaryOp::Add => left + right,
                BinaryOp::Subtract => left - right,
                BinaryOp::Multiply => left * right,
                BinaryOp::Divide if *right != 0.0 => left / right,
                _ => return None,
            };
            let ordinary =
                result.is_normal() || (result == 0.0 && op != BinaryOp::Divide && op != BinaryOp::Multiply);
            Value::Double(ordinary.then_some(result)?)
        }
        (left, right) => {
            let (left, right) = (integer(left)?, integer(right)?);
            let result = match op {
                BinaryOp::Add => left.checked_add(right)?,
                BinaryOp::Subtract => left.checked_sub(right)?,
                BinaryOp::Multiply => left.checked_mul(right)?,
                BinaryOp::Divide => left.checked_div(right)?,
                BinaryOp::Modulo => left.checked_rem(right)?,
                _ => return None,
            };
            Value::BigInt(result).coerce_to(data_type).ok()?
        }
    };
    Some(literal(value, data_type))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::testing::expression;

    fn folds(text: &str) -> String {
        crate::sql::explain::deparse::constant(&folded(expression(text)))
    }

    #[test]
    fn constants_are_computed() {
        for (text, expected) in [
            ("1 + 2 * 3", "7"),
            ("7 / 2", "3"),
            ("-7 % 3", "'-1'::integer"),
            ("2147483647 + 1::bigint", "'2147483648'::bigint"),
            ("1.5 * 2", "'3'::double precision"),
            ("'a' || 'b'", "'ab'::text"),
            ("1 < 2 AND NOT 'a' = 'b'", "true"),
            ("NULL = 1", "NULL::boolean"),
            ("NULL IS NULL", "true"),
            ("NULL IS DISTINCT FROM 1", "true"),
            ("'5'::integer + 1", "6"),
        ] {
            assert_eq!(folds(text), expected, "{text}");
        }
    }

    #[test]
    fn what_fails_is_left_for_the_executor() {
        for text in ["(1 / 0)", "(2147483647 + 1)", "(1 % 0)"] {
            assert_eq!(folds(text), text);
        }
    }
}
