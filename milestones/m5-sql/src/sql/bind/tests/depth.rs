//! Long chains, deep nesting, many rows.

use super::statements::inserted;
use crate::error::SqlState;
use crate::sql::expr::{BinaryOp, Expr};
use crate::sql::plan::{Node, Operator};
use crate::sql::testing::{catalog, error, expression, planned, statement};

/// The height of an expression, measured without recursion.
fn height(expr: &Expr) -> usize {
    let (mut highest, mut pending) = (0, vec![(expr, 1)]);
    while let Some((expr, height)) = pending.pop() {
        highest = highest.max(height);
        expr.for_each_child(&mut |child| pending.push((child, height + 1)));
    }
    highest
}

#[test]
fn long_chains_come_out_balanced() {
    let terms: Vec<String> = (0..10_000).map(|number| format!("salary = {number}")).collect();
    let (plan, _) =
        planned(&format!("SELECT id FROM employees WHERE {}", terms.join(" OR ")), &mut catalog());
    let Node { operator: Operator::Project { input, .. }, .. } = plan else { panic!() };
    let Operator::SeqScan { filter: Some(filter), .. } = &input.operator else { panic!() };
    assert_eq!(filter.operands(BinaryOp::Or).len(), 10_000);
    assert!(height(filter) < 20, "{}", height(filter));
}

#[test]
fn depth_is_bounded_without_overflowing_the_stack() {
    let nested = |open: &str, inner: &str, close: &str, count: usize| {
        expression(&format!("{}{inner}{}", open.repeat(count), close.repeat(count)))
    };
    assert_eq!(nested("(", "1", ")", 500), expression("1"));
    for (open, inner, close) in [("(1 + ", "1", ")"), ("abs(", "1", ")"), ("NOT (true = ", "true", ")")] {
        let within = nested(open, inner, close, 250);
        assert!(height(&within) > 250);
        let deep = format!("SELECT {}{inner}{}", open.repeat(900), close.repeat(900));
        assert_eq!(error(&deep).state(), SqlState::StatementTooComplex, "{open}");
    }
    let sums = format!("SELECT {}1", "1 + ".repeat(50_000));
    assert!(statement(&sums, &mut catalog()).is_ok());
    for (op, operand) in [("+", "salary"), ("||", "name"), ("* 2 -", "salary")] {
        let chain = vec![operand; 10_000].join(&format!(" {op} "));
        let (plan, _) = planned(&format!("SELECT {chain} FROM employees"), &mut catalog());
        let Operator::Project { expressions, .. } = &plan.operator else { panic!("{plan:?}") };
        assert!(height(&expressions[0]) < 5, "{op}");
    }
    let between = format!("SELECT {}true{}", "(".repeat(40), " BETWEEN true AND true)".repeat(40));
    assert_eq!(error(&between).state(), SqlState::StatementTooComplex);
}

#[test]
fn many_rows_bind() {
    let rows = |count: usize| {
        let rows: Vec<String> =
            (0..count).map(|id| format!("({id}, 'name {id}', 'Sales', {id}, true)")).collect();
        inserted(&format!("INSERT INTO employees VALUES {}", rows.join(", "))).len()
    };
    assert_eq!(rows(1_000), 1_000);
    assert_eq!(rows(20_000), 20_000);
}
