//! Plans, seen through EXPLAIN; their shape and wording were checked against PostgreSQL 15.

use crate::sql::expr::Expr;
use crate::sql::plan::{Node, Operator};
use crate::sql::testing::{Catalog, catalog, explained, planned};
use crate::types::{DataType, Value};

/// `catalog()` with a table large enough for its indexes to be worth reading.
fn large() -> Catalog {
    let mut catalog = catalog();
    catalog.create("CREATE TABLE big (a int, b int, c text, d int NOT NULL UNIQUE, PRIMARY KEY (a, b))");
    catalog.create("CREATE INDEX ON big (c)");
    catalog.resize("big", 10_000, 1_000_000.0);
    catalog.resize("employees", 10_000, 1_000_000.0);
    catalog
}

/// The plan's lines without the costs.
fn plan(text: &str) -> Vec<String> {
    explained(&format!("(COSTS off) {text}"), &mut large())
}

#[test]
fn equality_on_a_key_uses_its_index() {
    assert_eq!(
        plan("SELECT * FROM employees WHERE id = 1"),
        ["Index Scan using employees_pkey on employees", "  Index Cond: (id = 1)"]
    );
    assert_eq!(
        plan("SELECT * FROM big WHERE b > 2 AND 1 = a AND b <= 9 AND c <> 'x'"),
        [
            "Index Scan using big_pkey on big",
            "  Index Cond: ((a = 1) AND (b > 2) AND (b <= 9))",
            "  Filter: (c <> 'x'::text)"
        ]
    );
    assert_eq!(
        plan("SELECT * FROM big WHERE c = 'x' AND a > 5"),
        ["Index Scan using big_c_idx on big", "  Index Cond: (c = 'x'::text)", "  Filter: (a > 5)"]
    );
}

#[test]
fn a_small_table_is_read_as_a_whole() {
    assert_eq!(
        explained("SELECT * FROM employees", &mut catalog()),
        ["Seq Scan on employees  (cost=0.00..1.03 rows=3 width=345)"]
    );
    assert_eq!(
        explained("SELECT * FROM employees WHERE id = 1", &mut catalog()),
        ["Seq Scan on employees  (cost=0.00..1.04 rows=1 width=345)", "  Filter: (id = 1)"]
    );
}

#[test]
fn conditions_that_no_index_decides_stay_in_the_filter() {
    for condition in [
        "salary = 1",
        "id <> 1",
        "id = 5000000000",
        "id = 1.5",
        "id + 0 = 1",
        "id > 1",
        "id = 1 OR salary = 2",
        "id = salary",
    ] {
        let lines = plan(&format!("SELECT * FROM employees WHERE {condition}"));
        assert_eq!(lines[0], "Seq Scan on employees", "{condition}");
        assert!(lines[1].starts_with("  Filter: "), "{condition}");
    }
}

#[test]
fn constants_in_a_range_have_exactly_the_columns_type() {
    let (plan, _) = planned("SELECT c FROM big WHERE a = 1 AND b BETWEEN 2 AND 3", &mut large());
    let Node { operator: Operator::IndexScan { range, filter, columns, .. }, .. } = plan else {
        panic!("{plan:?}")
    };
    let integer = |number| Expr::Literal { value: Value::Integer(number), data_type: DataType::Integer };
    assert_eq!(range.prefix, [integer(1)]);
    let bounds = [range.lower, range.upper].map(|bound| bound.map(|bound| (bound.value, bound.inclusive)));
    assert_eq!(bounds, [Some((integer(2), true)), Some((integer(3), true))]);
    assert_eq!((filter, columns), (None, vec![2]));
}

#[test]
fn an_index_can_give_the_order() {
    assert_eq!(
        plan("SELECT * FROM employees ORDER BY id DESC LIMIT 3"),
        ["Limit", "  ->  Index Scan Backward using employees_pkey on employees"]
    );
    assert_eq!(
        plan("SELECT * FROM big WHERE a = 1 ORDER BY a DESC, b LIMIT 3"),
        ["Limit", "  ->  Index Scan using big_pkey on big", "        Index Cond: (a = 1)"]
    );
    // After a unique key that is never NULL nothing is left to order.
    assert_eq!(plan("SELECT * FROM big ORDER BY d, c LIMIT 3")[1], "  ->  Index Scan using big_d_key on big");
    // NULLs would come at the wrong end.
    for order in ["c DESC NULLS LAST", "c NULLS FIRST", "a, b DESC", "b", "c, a"] {
        let lines = plan(&format!("SELECT * FROM big ORDER BY {order} LIMIT 3"));
        assert_eq!(lines[1], "  ->  Sort", "{order}");
    }
}

#[test]
fn sorts_know_their_limit_and_come_before_the_projection() {
    let (plan, _) = planned("SELECT salary + 1 FROM employees ORDER BY name LIMIT 2 OFFSET 3", &mut large());
    let Operator::Project { input, .. } = plan.operator else { panic!() };
    let Operator::Limit { input, limit: Some(2), offset: 3 } = input.operator else { panic!() };
    let Operator::Sort { input, limit, .. } = input.operator else { panic!() };
    assert_eq!(limit, Some(5));
    let Operator::SeqScan { columns, .. } = input.operator else { panic!() };
    assert_eq!(columns, [3, 1]);
}

#[test]
fn scans_read_only_what_is_needed() {
    let columns = |text: &str| {
        let mut node = planned(text, &mut catalog()).0;
        loop {
            match node.operator {
                Operator::SeqScan { columns, .. } => return columns,
                Operator::Project { input, .. } | Operator::Aggregate { input, .. } => node = *input,
                other => panic!("{other:?}"),
            }
        }
    };
    assert_eq!(columns("SELECT count(*) FROM employees"), []);
    assert_eq!(columns("SELECT sum(salary) FROM employees WHERE active"), [3, 4]);
    assert_eq!(columns("SELECT department, name FROM employees"), [2, 1]);
    let (plan, _) = planned("SELECT department, name FROM employees WHERE name <> 'x'", &mut catalog());
    assert!(matches!(plan.operator, Operator::SeqScan { .. }), "{plan:?}");
}

#[test]
fn groups_having_and_order_are_explained() {
    assert_eq!(
        plan(
            "SELECT department, count(*), avg(salary + 1) FROM employees WHERE active GROUP BY department \
              HAVING count(*) > 1 ORDER BY count(*) DESC, department"
        ),
        [
            "Sort",
            "  Sort Key: (count(*)) DESC, department",
            "  ->  HashAggregate",
            "        Group Key: department",
            "        Filter: (count(*) > 1)",
            "        ->  Seq Scan on employees",
            "              Filter: active"
        ]
    );
    assert_eq!(plan("SELECT max(salary) FROM employees"), ["Aggregate", "  ->  Seq Scan on employees"]);
    assert_eq!(
        plan("SELECT DISTINCT department FROM employees ORDER BY department"),
        [
            "Sort",
            "  Sort Key: department",
            "  ->  HashAggregate",
            "        Group Key: department",
            "        ->  Seq Scan on employees"
        ]
    );
}

#[test]
fn what_cannot_be_true_reads_nothing() {
    assert_eq!(
        plan("SELECT * FROM employees WHERE id = 1 AND 1 = 2"),
        ["Result", "  One-Time Filter: false"]
    );
    assert_eq!(plan("SELECT 1"), ["Result"]);
    assert_eq!(plan("SELECT 1 WHERE 1 = 1"), ["Result"]);
    // A change always has a scan below it.
    assert_eq!(plan("DELETE FROM employees WHERE false")[1], "  ->  Seq Scan on employees");
}

#[test]
fn changes_are_explained() {
    assert_eq!(
        plan("UPDATE employees SET salary = 0 WHERE id = 7"),
        [
            "Update on employees",
            "  ->  Index Scan using employees_pkey on employees",
            "        Index Cond: (id = 7)"
        ]
    );
    assert_eq!(
        explained("INSERT INTO \"Odd Name\" VALUES (1, 'x'), (2, 'y')", &mut catalog()),
        [
            "Insert on \"Odd Name\"  (cost=0.00..0.02 rows=0 width=0)",
            "  ->  Values Scan on \"*VALUES*\"  (cost=0.00..0.02 rows=2 width=36)"
        ]
    );
}
