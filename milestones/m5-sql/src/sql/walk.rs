//! Going over a bound expression: its children, its columns, its conjuncts.
//!
//! The binder bounds the depth of what it builds, so recursion is safe here.

use super::expr::{BinaryOp, Expr};
use crate::types::DataType;

impl Expr {
    pub fn for_each_child<'e>(&'e self, visit: &mut dyn FnMut(&'e Expr)) {
        match self {
            Expr::Column { .. } | Expr::Literal { .. } | Expr::Parameter { .. } => {}
            Expr::Unary { operand, .. } | Expr::Cast { operand, .. } | Expr::IsNull { operand, .. } => {
                visit(operand)
            }
            Expr::Binary { left, right, .. } | Expr::Like { operand: left, pattern: right, .. } => {
                visit(left);
                visit(right);
            }
            Expr::Chain { first, rest } => {
                visit(first);
                rest.iter().for_each(|(_, operand)| visit(operand));
            }
            Expr::InList { operand, list, .. } => {
                visit(operand);
                list.iter().for_each(visit);
            }
            Expr::Case { branches, otherwise, .. } => {
                for (condition, result) in branches {
                    visit(condition);
                    visit(result);
                }
                visit(otherwise);
            }
            Expr::Function { arguments, .. } => arguments.iter().for_each(visit),
        }
    }

    pub fn for_each_child_mut(&mut self, visit: &mut dyn FnMut(&mut Expr)) {
        match self {
            Expr::Column { .. } | Expr::Literal { .. } | Expr::Parameter { .. } => {}
            Expr::Unary { operand, .. } | Expr::Cast { operand, .. } | Expr::IsNull { operand, .. } => {
                visit(operand)
            }
            Expr::Binary { left, right, .. } | Expr::Like { operand: left, pattern: right, .. } => {
                visit(left);
                visit(right);
            }
            Expr::Chain { first, rest } => {
                visit(first);
                rest.iter_mut().for_each(|(_, operand)| visit(operand));
            }
            Expr::InList { operand, list, .. } => {
                visit(operand);
                list.iter_mut().for_each(visit);
            }
            Expr::Case { branches, otherwise, .. } => {
                for (condition, result) in branches {
                    visit(condition);
                    visit(result);
                }
                visit(otherwise);
            }
            Expr::Function { arguments, .. } => arguments.iter_mut().for_each(visit),
        }
    }

    /// Calls `visit` with the position of every column that the expression reads.
    pub fn for_each_column(&self, visit: &mut dyn FnMut(usize)) {
        match self {
            Expr::Column { index, .. } => visit(*index),
            _ => self.for_each_child(&mut |child| child.for_each_column(visit)),
        }
    }

    /// Replaces the position of every column that the expression reads.
    pub fn map_columns(&mut self, map: &dyn Fn(usize) -> usize) {
        match self {
            Expr::Column { index, .. } => *index = map(*index),
            _ => self.for_each_child_mut(&mut |child| child.map_columns(map)),
        }
    }

    /// True if the value is the same for every row.
    pub fn is_constant(&self) -> bool {
        let mut constant = true;
        self.for_each_column(&mut |_| constant = false);
        constant
    }

    /// How many nodes the expression has.
    pub fn size(&self) -> usize {
        let mut size = 1;
        self.for_each_child(&mut |child| size += child.size());
        size
    }

    pub fn column(index: usize, data_type: DataType) -> Expr {
        Expr::Column { index, data_type }
    }

    /// The operands of a tree of ANDs (or ORs), from left to right.
    pub fn operands(&self, op: BinaryOp) -> Vec<&Expr> {
        let (mut operands, mut pending) = (Vec::new(), vec![self]);
        while let Some(expr) = pending.pop() {
            match expr {
                Expr::Binary { op: this, left, right } if *this == op => pending.extend([&**right, &**left]),
                other => operands.push(other),
            }
        }
        operands
    }

    /// Takes a tree of ANDs apart.
    pub fn into_conjuncts(self) -> Vec<Expr> {
        let (mut conjuncts, mut pending) = (Vec::new(), vec![self]);
        while let Some(expr) = pending.pop() {
            match expr {
                Expr::Binary { op: BinaryOp::And, left, right } => pending.extend([*right, *left]),
                other => conjuncts.push(other),
            }
        }
        conjuncts
    }

    /// Joins operands with AND or OR. The tree is balanced, so a chain of thousands is a dozen levels deep.
    pub fn combine(op: BinaryOp, mut operands: Vec<Expr>) -> Option<Expr> {
        while operands.len() > 1 {
            let mut pairs = Vec::with_capacity(operands.len().div_ceil(2));
            let mut rest = operands.into_iter();
            while let Some(left) = rest.next() {
                pairs.push(match rest.next() {
                    Some(right) => Expr::Binary { op, left: Box::new(left), right: Box::new(right) },
                    None => left,
                });
            }
            operands = pairs;
        }
        operands.pop()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(count: usize) -> Vec<Expr> {
        (0..count).map(|index| Expr::column(index, DataType::Boolean)).collect()
    }

    #[test]
    fn combining_keeps_the_order_and_taking_apart_gives_it_back() {
        for count in [1, 2, 3, 7, 1000] {
            let tree = Expr::combine(BinaryOp::And, columns(count)).unwrap();
            assert_eq!(tree.operands(BinaryOp::And), columns(count).iter().collect::<Vec<_>>());
            assert_eq!(tree.into_conjuncts(), columns(count));
        }
        assert_eq!(Expr::combine(BinaryOp::Or, Vec::new()), None);
    }
}
