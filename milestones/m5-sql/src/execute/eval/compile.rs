//! From a bound expression to evaluators: picks the fastest that fits, and evaluates now what is constant.

use super::arithmetic::{Arithmetic, Negate};
use super::case::{Case, Coalesce, Extreme, NullIf};
use super::cast::Cast;
use super::compare::{Compare, CompareConstant};
use super::function::{DoubleFunction, Measure, measure_of, rounding_of};
use super::in_list::{InConstants, InList};
use super::like::Like;
use super::logic::{IsNull, Logic, Not};
use super::text::{Concat, TextFunction};
use super::{Column, Constant, Node};
use crate::error::{Error, Result, SqlState};
use crate::execute::batch::Rows;
use crate::execute::vector::Kind;
use crate::sql::expr::{BinaryOp, Expr, Function, UnaryOp};
use crate::types::{DataType, Value};

/// How deep an expression may nest. A chain counts as one level, however long.
const MAX_DEPTH: usize = 1100;

pub fn compile(expr: &Expr) -> Result<Node> {
    Compiler { depth: 0 }.node(expr)
}

struct Compiler {
    depth: usize,
}

impl Compiler {
    fn node(&mut self, expr: &Expr) -> Result<Node> {
        if self.depth >= MAX_DEPTH {
            return Err(Error::new(SqlState::StatementTooComplex, "expression is nested too deeply"));
        }
        self.depth += 1;
        let node = self.dispatch(expr);
        self.depth -= 1;
        node
    }

    fn nodes<'e>(&mut self, exprs: impl IntoIterator<Item = &'e Expr>) -> Result<Vec<Node>> {
        exprs.into_iter().map(|expr| self.node(expr)).collect()
    }

    fn dispatch(&mut self, expr: &Expr) -> Result<Node> {
        match expr {
            Expr::Column { .. } | Expr::Literal { .. } | Expr::Parameter { .. } => leaf(expr),
            Expr::Unary { op, operand } => self.unary(*op, operand),
            Expr::Binary { op, left, right } => self.binary(expr, *op, left, right),
            Expr::Chain { first, rest } => self.chain(first, rest),
            Expr::Cast { operand, to, explicit } => self.cast(operand, *to, *explicit),
            Expr::IsNull { operand, negated } => {
                let operand = self.node(operand)?;
                is_null(operand, *negated)
            }
            Expr::InList { operand, list, negated } => self.in_list(operand, list, *negated),
            Expr::Like { operand, pattern, ignore_case, negated } => {
                let operands = (self.node(operand)?, self.node(pattern)?);
                like(operands, *ignore_case, *negated)
            }
            Expr::Case { branches, otherwise, data_type } => self.case(branches, otherwise, *data_type),
            Expr::Function { function, arguments, data_type } => {
                self.function(*function, arguments, *data_type)
            }
        }
    }

    fn unary(&mut self, op: UnaryOp, operand: &Expr) -> Result<Node> {
        let data_type = operand.data_type();
        let operand = self.node(operand)?;
        unary(op, operand, data_type)
    }

    fn binary(&mut self, expr: &Expr, op: BinaryOp, left: &Expr, right: &Expr) -> Result<Node> {
        if matches!(op, BinaryOp::And | BinaryOp::Or) {
            let operands = self.nodes(expr.operands(op))?;
            return logic(op, operands);
        }
        let left = self.node(left)?;
        comparison(op, left, self.node(right)?)
    }

    fn chain(&mut self, first: &Expr, rest: &[(BinaryOp, Expr)]) -> Result<Node> {
        let data_type = first.data_type();
        let first = self.node(first)?;
        let mut links = Vec::with_capacity(rest.len());
        for (op, operand) in rest {
            links.push((*op, self.node(operand)?));
        }
        chain(first, links, data_type)
    }

    fn cast(&mut self, operand: &Expr, to: DataType, explicit: bool) -> Result<Node> {
        let from = operand.data_type();
        let operand = self.node(operand)?;
        if Cast::is_needless(from, to) {
            return Ok(operand);
        }
        finish(is_constant(&operand), Cast::new(operand, from, to, explicit))
    }

    fn in_list(&mut self, operand: &Expr, list: &[Expr], negated: bool) -> Result<Node> {
        let operand = self.node(operand)?;
        let items = self.nodes(list)?;
        if items.iter().all(is_constant) {
            return finish(is_constant(&operand), InConstants::new(operand, &items, negated)?);
        }
        finish(false, InList::new(operand, items, negated))
    }

    fn case(&mut self, branches: &[(Expr, Expr)], otherwise: &Expr, data_type: DataType) -> Result<Node> {
        let mut compiled = Vec::with_capacity(branches.len());
        for (condition, result) in branches {
            compiled.push((self.node(condition)?, self.node(result)?));
        }
        let otherwise = self.node(otherwise)?;
        finish(false, Case::new(compiled, otherwise, Kind::of(data_type)))
    }

    fn function(&mut self, function: Function, arguments: &[Expr], data_type: DataType) -> Result<Node> {
        let nodes = self.nodes(arguments)?;
        let constant = nodes.iter().all(is_constant);
        let kind = Kind::of(data_type);
        match function {
            Function::Version => {
                let name = concat!("InoxDB ", env!("CARGO_PKG_VERSION"));
                Ok(Box::new(Constant::new(&Value::Text(name.to_string()), Kind::Text)?))
            }
            Function::Coalesce => finish(constant, Coalesce::new(nodes, kind)),
            Function::Greatest => finish(constant, Extreme::new(nodes, kind, true)),
            Function::Least => finish(constant, Extreme::new(nodes, kind, false)),
            Function::NullIf => {
                let [left, right] = exactly(nodes)?;
                finish(constant, NullIf::new(left, right))
            }
            Function::Abs if kind == Kind::Integer => {
                let [operand] = exactly(nodes)?;
                finish(constant, Negate::if_negative(operand, data_type))
            }
            Function::Abs | Function::Round | Function::Floor | Function::Ceiling => {
                let [operand] = exactly(nodes)?;
                finish(constant, DoubleFunction::new(operand, rounding_of(function)?))
            }
            Function::Length | Function::OctetLength => {
                let [operand] = exactly(nodes)?;
                finish(constant, Measure::new(operand, measure_of(function)))
            }
            _ => finish(constant, TextFunction::new(function, nodes)?),
        }
    }
}

// Nodes are made in functions of their own, so that the frames of the recursion above stay small.

fn leaf(expr: &Expr) -> Result<Node> {
    match expr {
        Expr::Column { index, .. } => Ok(Box::new(Column(*index))),
        Expr::Literal { value, data_type } | Expr::Parameter { value, data_type, .. } => {
            Ok(Box::new(Constant::new(value, Kind::of(*data_type))?))
        }
        _ => Err(Error::internal("an operation is not a leaf")),
    }
}

fn is_null(operand: Node, negated: bool) -> Result<Node> {
    finish(is_constant(&operand), IsNull::new(operand, negated))
}

fn like((text, pattern): (Node, Node), ignore_case: bool, negated: bool) -> Result<Node> {
    let constant = is_constant(&text) && is_constant(&pattern);
    finish(constant, Like::new(text, pattern, ignore_case, negated))
}

fn unary(op: UnaryOp, operand: Node, data_type: DataType) -> Result<Node> {
    let constant = is_constant(&operand);
    match op {
        UnaryOp::Not => finish(constant, Not::new(operand)),
        UnaryOp::Negate => finish(constant, Negate::new(operand, data_type)),
    }
}

fn logic(op: BinaryOp, operands: Vec<Node>) -> Result<Node> {
    finish(operands.iter().all(is_constant), Logic::new(op == BinaryOp::And, operands))
}

fn chain(first: Node, links: Vec<(BinaryOp, Node)>, data_type: DataType) -> Result<Node> {
    let constant = is_constant(&first) && links.iter().all(|(_, operand)| is_constant(operand));
    if data_type.is_text() {
        let rest = links.into_iter().map(|(_, operand)| operand);
        return finish(constant, Concat::new(std::iter::once(first).chain(rest).collect()));
    }
    finish(constant, Arithmetic::new(first, links, data_type))
}

fn comparison(op: BinaryOp, left: Node, right: Node) -> Result<Node> {
    let usable = |node: &Node| node.constant().is_some_and(|value| !value.nulls.is_null(0));
    if usable(&right) && !is_constant(&left) {
        return finish(false, CompareConstant::new(op, left, &right)?);
    }
    if usable(&left) && !is_constant(&right) {
        return finish(false, CompareConstant::new(op.mirrored(), right, &left)?);
    }
    finish(is_constant(&left) && is_constant(&right), Compare::new(op, left, right))
}

fn is_constant(node: &Node) -> bool {
    node.constant().is_some()
}

/// Boxes `node`; if all its operands are constant, evaluates it instead. An error is left for the time when a
/// row asks for the value: perhaps none does.
fn finish(constant: bool, mut node: impl super::Evaluate + 'static) -> Result<Node> {
    if constant && let Ok(value) = node.evaluate(&[], Rows::First(1)) {
        let mut vector = value.clone();
        vector.truncate_to_first();
        return Ok(Box::new(Constant(vector)));
    }
    Ok(Box::new(node))
}

fn exactly<const N: usize>(nodes: Vec<Node>) -> Result<[Node; N]> {
    nodes.try_into().map_err(|_| Error::internal("a function has the wrong number of arguments"))
}
