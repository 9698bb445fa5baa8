//! Bound expressions back to SQL, spelt as PostgreSQL's `ruleutils.c` spells them: every operator in
//! parentheses, every conversion shown.
//!
//! EXPLAIN prints them, and the catalog keeps defaults in this form; so what is written here parses and binds
//! again to the same expression.

use super::super::bind::name::quote;
use super::super::expr::{AggregateFunction, BinaryOp, Expr, Function, UnaryOp};
use super::super::plan::{Node, Operator};
use super::text;
use crate::types::{DataType, Value};

/// An expression that refers to no column.
pub fn constant(expr: &Expr) -> String {
    Deparse::new(&[]).expression(expr)
}

/// What the columns that a node produces are called, in parentheses if they are more than a name.
pub fn columns(node: &Node) -> Vec<String> {
    match &node.operator {
        Operator::SeqScan { table, columns, .. } | Operator::IndexScan { table, columns, .. } => {
            let all = table.schema.columns();
            let produced = columns.iter().filter_map(|&position| all.get(position));
            produced.map(|column| quote(&column.name).into_owned()).collect()
        }
        Operator::Values { .. } => (1..=node.types.len()).map(|number| format!("column{number}")).collect(),
        Operator::Project { input, expressions } => {
            let names = columns(input);
            expressions.iter().map(|expr| Deparse::new(&names).reference(expr)).collect()
        }
        Operator::Aggregate { group_by, .. } => {
            let is_name = |index| matches!(group_by.get(index), Some(Expr::Column { .. }));
            let own = own_columns(node).into_iter().enumerate();
            own.map(|(index, text)| if is_name(index) { text } else { format!("({text})") }).collect()
        }
        Operator::Filter { input, .. }
        | Operator::Sort { input, .. }
        | Operator::Limit { input, .. }
        | Operator::Distinct { input } => columns(input),
    }
}

/// What a condition of the node's own calls them: HAVING is checked where the aggregates are, and names them as they are.
pub fn own_columns(node: &Node) -> Vec<String> {
    let Operator::Aggregate { input, group_by, aggregates } = &node.operator else { return columns(node) };
    let names = columns(input);
    let deparse = Deparse::new(&names);
    let groups = group_by.iter().map(|expr| deparse.expression(expr));
    groups.chain(aggregates.iter().map(|aggregate| text::aggregate(aggregate, &deparse))).collect()
}

/// More operators than this are a long chain.
const LONG_CHAIN: usize = 100;

/// Writes expressions over columns of the given names.
pub struct Deparse<'n> {
    names: &'n [String],
}

impl<'n> Deparse<'n> {
    pub fn new(names: &'n [String]) -> Deparse<'n> {
        Deparse { names }
    }

    pub fn expression(&self, expr: &Expr) -> String {
        match expr {
            Expr::Column { index, .. } => match self.names.get(*index) {
                Some(name) => name.clone(),
                None => format!("${}", index + 1),
            },
            Expr::Literal { value, data_type } => literal(value, *data_type),
            Expr::Parameter { number, .. } => format!("${}", number + 1),
            Expr::Unary { op: UnaryOp::Not, operand } => format!("(NOT {})", self.expression(operand)),
            Expr::Unary { op: UnaryOp::Negate, operand } => format!("(- {})", self.expression(operand)),
            Expr::Binary { op: op @ (BinaryOp::And | BinaryOp::Or), .. } => {
                let operands: Vec<String> =
                    expr.operands(*op).into_iter().map(|operand| self.expression(operand)).collect();
                format!("({})", operands.join(&format!(" {} ", op.symbol())))
            }
            Expr::Binary { op, left, right } => self.binary(*op, left, right),
            Expr::Chain { first, rest } => self.chain(first, rest),
            Expr::Cast { operand, to, .. } => format!("({})::{to}", self.expression(operand)),
            Expr::IsNull { operand, negated } => {
                format!("({} IS {}NULL)", self.expression(operand), if *negated { "NOT " } else { "" })
            }
            Expr::InList { operand, list, negated } => {
                let items: Vec<String> = list.iter().map(|item| self.expression(item)).collect();
                let not = if *negated { "NOT " } else { "" };
                format!("({} {not}IN ({}))", self.operand(operand), items.join(", "))
            }
            Expr::Like { operand, pattern, ignore_case, negated } => {
                let symbol = match (ignore_case, negated) {
                    (false, false) => "~~",
                    (false, true) => "!~~",
                    (true, false) => "~~*",
                    (true, true) => "!~~*",
                };
                format!("({} {symbol} {})", self.operand(operand), self.operand(pattern))
            }
            Expr::Case { branches, otherwise, .. } => {
                let mut text = "CASE".to_string();
                for (condition, result) in branches {
                    text.push_str(&format!(
                        " WHEN {} THEN {}",
                        self.expression(condition),
                        self.expression(result)
                    ));
                }
                format!("{text} ELSE {} END", self.expression(otherwise))
            }
            Expr::Function { function, arguments, .. } => {
                let arguments: Vec<String> =
                    arguments.iter().map(|argument| self.operand(argument)).collect();
                format!("{}({})", function_name(*function), arguments.join(", "))
            }
        }
    }

    /// An operand of an operator or a function on text: a varchar column shows that it is read as text.
    pub fn operand(&self, expr: &Expr) -> String {
        match expr {
            Expr::Column { data_type: DataType::Varchar(_), .. } => {
                format!("({})::text", self.expression(expr))
            }
            Expr::Literal { value, data_type: DataType::Varchar(_) } => literal(value, DataType::Text),
            _ => self.expression(expr),
        }
    }

    /// As a node above refers to it: more than a column goes in parentheses.
    fn reference(&self, expr: &Expr) -> String {
        match expr {
            Expr::Column { .. } => self.expression(expr),
            _ => format!("({})", self.expression(expr)),
        }
    }

    /// A pair of parentheses for each operator, as PostgreSQL writes it. Of a long chain this could not be read again, so
    /// there they are only where the operators' precedence needs them.
    fn chain(&self, first: &Expr, rest: &[(BinaryOp, Expr)]) -> String {
        let is_long = rest.len() > LONG_CHAIN;
        let binds_stronger = |op| matches!(op, BinaryOp::Multiply | BinaryOp::Divide | BinaryOp::Modulo);
        let (mut text, mut before) = (self.operand(first), None);
        for (op, operand) in rest {
            let same = before.is_none_or(|before| binds_stronger(before) == binds_stronger(*op));
            if before.is_some() && !(is_long && same) {
                text.insert(0, '(');
                text.push(')');
            }
            text.push_str(&format!(" {} {}", op.symbol(), self.operand(operand)));
            before = Some(*op);
        }
        format!("({text})")
    }

    fn binary(&self, op: BinaryOp, left: &Expr, right: &Expr) -> String {
        if let Expr::Literal { value: Value::Boolean(value), .. } = right {
            let word = if *value { "TRUE" } else { "FALSE" };
            match op {
                BinaryOp::IsNotDistinctFrom => return format!("({} IS {word})", self.expression(left)),
                BinaryOp::IsDistinctFrom => return format!("({} IS NOT {word})", self.expression(left)),
                _ => {}
            }
        }
        let (left, right) = (self.compared(left, right), self.compared(right, left));
        format!("({left} {} {right})", op.symbol())
    }

    /// A side of a comparison: a number literal took its type from the other side and shows as it was written.
    fn compared(&self, side: &Expr, other: &Expr) -> String {
        match (side, other) {
            (_, Expr::Literal { .. }) => self.operand(side),
            (Expr::Literal { value: Value::BigInt(number), .. }, _)
                if (0..=i64::from(i32::MAX)).contains(number) =>
            {
                number.to_string()
            }
            (Expr::Literal { value: Value::SmallInt(number), .. }, _) if *number >= 0 => number.to_string(),
            _ => self.operand(side),
        }
    }
}

/// A constant: bare where it reads back as its own type, else quoted and with its type behind.
fn literal(value: &Value, data_type: DataType) -> String {
    let type_name = match data_type {
        DataType::Varchar(_) => "character varying".to_string(),
        other => other.to_string(),
    };
    match value {
        Value::Null => format!("NULL::{type_name}"),
        Value::Boolean(value) => value.to_string(),
        Value::Integer(number) if *number >= 0 => number.to_string(),
        other => format!("'{}'::{type_name}", other.to_string().replace('\'', "''")),
    }
}

fn function_name(function: Function) -> &'static str {
    match function {
        Function::Abs => "abs",
        Function::Length => "length",
        Function::OctetLength => "octet_length",
        Function::Lower => "lower",
        Function::Upper => "upper",
        Function::Trim => "btrim",
        Function::TrimStart => "ltrim",
        Function::TrimEnd => "rtrim",
        Function::Substring => "substr",
        Function::Replace => "replace",
        Function::LikeEscape => "like_escape",
        Function::Round => "round",
        Function::Floor => "floor",
        Function::Ceiling => "ceil",
        Function::Coalesce => "COALESCE",
        Function::NullIf => "NULLIF",
        Function::Greatest => "GREATEST",
        Function::Least => "LEAST",
        Function::Version => "version",
    }
}

pub fn aggregate_name(function: AggregateFunction) -> &'static str {
    match function {
        AggregateFunction::Count => "count",
        AggregateFunction::Sum => "sum",
        AggregateFunction::Avg => "avg",
        AggregateFunction::Min => "min",
        AggregateFunction::Max => "max",
        AggregateFunction::BoolAnd => "bool_and",
        AggregateFunction::BoolOr => "bool_or",
    }
}

#[cfg(test)]
mod tests {
    use super::constant;
    use crate::sql::testing::expression;

    #[test]
    fn what_is_written_binds_again_to_the_same() {
        for text in [
            "NULL",
            "1.5",
            "-3",
            "3000000000",
            "'it''s'",
            "1 + 2 * 3 - -4",
            "'a' LIKE 'b' OR 'a' NOT ILIKE 'b%' ESCAPE '!' OR 'a' ILIKE '%' ESCAPE ''",
            "1 IN (2, 3) AND NOT 'x' NOT IN ('y', NULL)",
            "CASE WHEN true THEN 1 WHEN false THEN 2 END",
            "CASE 1 WHEN 2 THEN 'a' ELSE 'b' END || 'c'",
            "coalesce(NULL, 1) + greatest(1, 2) + nullif(1, 2) + abs(-1)",
            "substring(trim(' x ') from 2 for 3) || upper(replace('a', 'b', 'c'))",
            "(1 = 2) IS NOT TRUE AND (1 = 2) IS UNKNOWN AND 1 IS DISTINCT FROM 2",
            "5::bigint::text || 1.5::integer || 2::boolean",
            "length('x'::varchar(3)) BETWEEN 1 AND 2",
        ] {
            let written = constant(&expression(text));
            assert_eq!(constant(&expression(&written)), written, "{text}");
        }
        for text in ["1 + 2 - ", "2 * 3 / ", "'a' || 'b' || ", "2 * 3 - 5 + ", "1 + 2 * 3 + "] {
            let last = if text.contains('|') { "'c'" } else { "4" };
            let long = text.repeat(2_000) + last;
            assert_eq!(expression(&constant(&expression(&long))), expression(&long), "{text}");
        }
    }
}
