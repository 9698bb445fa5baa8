//! Operators against naive models, with so little memory that they spill.

use crate::error::Result;
use crate::execute::batch::Batch;
use crate::execute::build::{Options, build};
use crate::execute::operators::Operator;
use crate::execute::operators::aggregate::HashAggregate;
use crate::execute::operators::cutoff::Cutoff;
use crate::execute::operators::distinct::Distinct;
use crate::execute::operators::seq_scan::SeqScan;
use crate::execute::operators::sort::Sort;
use crate::execute::sort_key::KeyOrder;
use crate::execute::stats::Stats;
use crate::execute::test_support::{Surroundings, collect, given, run};
use crate::heap::Heap;
use crate::sql::expr::{Aggregate, AggregateFunction, BinaryOp, Expr};
use crate::sql::plan::{self, Estimate, Node, SortKey};
use crate::testing::transact;
use crate::tuple::{Layout, TupleBuffer};
use crate::types::{self, DataType, Schema, Value};
use proptest::prelude::*;
use std::cell::Cell;
use std::cmp::Ordering;
use std::sync::atomic;

const TYPES: [DataType; 3] = [DataType::Integer, DataType::Text, DataType::DoublePrecision];

fn column(index: usize) -> Expr {
    Expr::Column { index, data_type: TYPES[index] }
}

fn row() -> impl Strategy<Value = Vec<Value>> {
    let or_null = |value: Option<Value>| value.unwrap_or(Value::Null);
    let number = proptest::option::weighted(0.9, (-20..20i32).prop_map(Value::Integer)).prop_map(or_null);
    let word = proptest::option::weighted(0.9, "[ab]{0,3}".prop_map(Value::Text)).prop_map(or_null);
    let real = prop_oneof![Just(f64::NAN), Just(0.5), Just(-2.0), Just(f64::INFINITY), Just(1e3)];
    let real = proptest::option::weighted(0.9, real.prop_map(Value::Double)).prop_map(or_null);
    (number, word, real).prop_map(|(number, word, real)| vec![number, word, real])
}

fn rows(most: usize) -> impl Strategy<Value = Vec<Vec<Value>>> {
    proptest::collection::vec(row(), 0..most)
}

/// Values in SQL's order, NULL last; also the order in which results are compared as sets.
fn order(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Null, Value::Null) => Ordering::Equal,
        (Value::Null, _) => Ordering::Greater,
        (_, Value::Null) => Ordering::Less,
        (Value::Integer(a), Value::Integer(b)) => a.cmp(b),
        (Value::BigInt(a), Value::BigInt(b)) => a.cmp(b),
        (Value::Double(a), Value::Double(b)) => crate::execute::eval::compare_doubles(*a, *b),
        (Value::Text(a), Value::Text(b)) => a.as_bytes().cmp(b.as_bytes()),
        (Value::Boolean(a), Value::Boolean(b)) => a.cmp(b),
        _ => panic!("{a:?} and {b:?}"),
    }
}

fn order_rows(a: &[Value], b: &[Value]) -> Ordering {
    a.iter().zip(b).map(|(a, b)| order(a, b)).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
}

/// As text, so that NaN equals NaN.
fn shown(rows: &[Vec<Value>]) -> Vec<String> {
    rows.iter().map(|row| format!("{row:?}")).collect()
}

fn as_set(mut rows: Vec<Vec<Value>>) -> Vec<String> {
    rows.sort_by(|a, b| order_rows(a, b));
    shown(&rows)
}

fn sum_and_count(values: &[&Value]) -> (Value, Value) {
    let numbers: Vec<i64> = values
        .iter()
        .filter_map(|value| if let Value::Integer(n) = value { Some(i64::from(*n)) } else { None })
        .collect();
    let sum = if numbers.is_empty() { Value::Null } else { Value::BigInt(numbers.iter().sum()) };
    (sum, Value::BigInt(numbers.len() as i64))
}

/// `GROUP BY group`, one group after the other by comparing every row with every group.
fn grouped(rows: &[Vec<Value>], group_by: &[usize]) -> Vec<Vec<Value>> {
    let mut groups: Vec<(Vec<Value>, Vec<&Vec<Value>>)> = Vec::new();
    if group_by.is_empty() {
        groups.push((Vec::new(), Vec::new()));
    }
    for row in rows {
        let key: Vec<Value> = group_by.iter().map(|&index| row[index].clone()).collect();
        match groups.iter_mut().find(|group| order_rows(&group.0, &key).is_eq()) {
            Some(group) => group.1.push(row),
            None => groups.push((key, vec![row])),
        }
    }
    let answer = |(key, rows): (Vec<Value>, Vec<&Vec<Value>>)| {
        let column = |index: usize| rows.iter().map(move |row| &row[index]).filter(|value| !value.is_null());
        let numbers: Vec<&Value> = column(0).collect();
        let (sum, count) = sum_and_count(&numbers);
        let mut distinct = numbers.clone();
        distinct.sort_by(|a, b| order(a, b));
        distinct.dedup_by(|a, b| a == b);
        let average = match (&sum, &count) {
            (Value::BigInt(sum), Value::BigInt(count)) => Value::Double(*sum as f64 / *count as f64),
            _ => Value::Null,
        };
        let extreme = |value: Option<&Value>| value.cloned().unwrap_or(Value::Null);
        let mut result = key;
        result.extend([
            Value::BigInt(rows.len() as i64),
            count,
            sum,
            average,
            sum_and_count(&distinct).1,
            extreme(column(1).min_by(|a, b| order(a, b))),
            extreme(column(2).max_by(|a, b| order(a, b))),
        ]);
        result
    };
    groups.into_iter().map(answer).collect()
}

fn aggregates() -> Vec<Aggregate> {
    use AggregateFunction::*;
    let of = |function, argument: Option<usize>, distinct, data_type| Aggregate {
        function,
        argument: argument.map(column),
        distinct,
        data_type,
    };
    vec![
        of(Count, None, false, DataType::BigInt),
        of(Count, Some(0), false, DataType::BigInt),
        of(Sum, Some(0), false, DataType::BigInt),
        of(Avg, Some(0), false, DataType::DoublePrecision),
        of(Count, Some(0), true, DataType::BigInt),
        of(Min, Some(1), false, DataType::Text),
        of(Max, Some(2), false, DataType::DoublePrecision),
    ]
}

fn aggregate(
    rows: &[Vec<Value>],
    group_by: &[usize],
    surroundings: &mut Surroundings,
) -> Result<Vec<Vec<Value>>> {
    let keys: Vec<Expr> = group_by.iter().map(|&index| column(index)).collect();
    let aggregates = aggregates();
    let types: Vec<DataType> = keys
        .iter()
        .map(Expr::data_type)
        .chain(aggregates.iter().map(|aggregate| aggregate.data_type))
        .collect();
    let mut operator = HashAggregate::new(given(&TYPES, rows), &keys, &aggregates, &types)?;
    collect(&mut operator, &mut surroundings.context(), &types)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn sorting_agrees_with_a_stable_sort(
        rows in rows(600),
        directions in proptest::collection::vec((0usize..3, any::<bool>(), any::<bool>()), 1..3),
        limit in proptest::option::of(0u64..700),
        work_mem in prop_oneof![Just(300usize), Just(5_000), Just(1 << 20)],
    ) {
        let keys: Vec<SortKey> = directions
            .iter()
            .map(|&(index, descending, nulls_first)| SortKey { expression: column(index), descending, nulls_first })
            .collect();
        let mut expected = rows.clone();
        expected.sort_by(|a, b| {
            let compare = |&(index, descending, nulls_first): &(usize, bool, bool)| {
                match (a[index].is_null(), b[index].is_null()) {
                    (false, false) if descending => order(&a[index], &b[index]).reverse(),
                    (true, false) | (false, true) if nulls_first => order(&a[index], &b[index]).reverse(),
                    _ => order(&a[index], &b[index]),
                }
            };
            directions.iter().map(compare).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
        });
        expected.truncate(limit.unwrap_or(u64::MAX) as usize);
        let mut surroundings = Surroundings { work_mem, ..Surroundings::default() };
        let mut sort = Sort::new(given(&TYPES, &rows), &keys, limit, &TYPES).unwrap();
        let found = collect(&mut sort, &mut surroundings.context(), &TYPES).unwrap();
        prop_assert_eq!(shown(&found), shown(&expected));
        if work_mem == 300 && rows.len() > 200 && limit.is_none() {
            prop_assert!(surroundings.files.created > 1);
        }
    }

    #[test]
    fn grouping_agrees_with_comparing_every_row(
        rows in rows(600),
        group_by in proptest::sample::subsequence(vec![0usize, 1, 2], 0..=3),
        work_mem in prop_oneof![Just(1_000usize), Just(8_000), Just(1 << 20)],
    ) {
        let mut surroundings = Surroundings { work_mem, ..Surroundings::default() };
        let found = aggregate(&rows, &group_by, &mut surroundings).unwrap();
        prop_assert_eq!(as_set(found), as_set(grouped(&rows, &group_by)));
        if work_mem == 1_000 && rows.len() > 400 && group_by.len() > 1 {
            prop_assert!(surroundings.files.created > 0);
        }
    }

    #[test]
    fn distinct_rows_come_once(rows in rows(600), work_mem in prop_oneof![Just(1_000usize), Just(1 << 20)]) {
        let mut surroundings = Surroundings { work_mem, ..Surroundings::default() };
        let mut distinct = Distinct::new(given(&TYPES, &rows), &TYPES);
        let found = collect(&mut distinct, &mut surroundings.context(), &TYPES).unwrap();
        let mut expected = rows.clone();
        expected.sort_by(|a, b| order_rows(a, b));
        expected.dedup_by(|a, b| order_rows(a, b).is_eq());
        prop_assert_eq!(as_set(found), shown(&expected));
        if work_mem == 1_000 && expected.len() > 300 {
            prop_assert!(surroundings.files.created > 0);
        }
    }
}

fn node(operator: plan::Operator, types: &[DataType]) -> Box<Node> {
    Box::new(Node { operator, types: types.to_vec(), estimate: Estimate::default() })
}

fn numbers(count: i32) -> Box<Node> {
    let literal = |n| Expr::Literal { value: Value::Integer(n), data_type: DataType::Integer };
    let rows = (0..count).map(|n| vec![literal(n)]).collect();
    node(plan::Operator::Values { rows }, &[DataType::Integer])
}

fn less_than(n: i32) -> Expr {
    let right = Expr::Literal { value: Value::Integer(n), data_type: DataType::Integer };
    Expr::Binary { op: BinaryOp::Less, left: Box::new(column(0)), right: Box::new(right) }
}

fn integers(rows: &[Vec<Value>]) -> Vec<i32> {
    rows.iter().flatten().map(|value| if let Value::Integer(n) = value { *n } else { -1 }).collect()
}

#[test]
fn a_plan_filters_projects_and_limits() {
    let two = [DataType::Integer, DataType::Integer];
    let doubled = Expr::link(BinaryOp::Add, column(0), column(0));
    let plan = node(plan::Operator::Filter { input: numbers(5000), predicate: less_than(4000) }, &[two[0]]);
    let plan = node(plan::Operator::Project { input: plan, expressions: vec![column(0), doubled] }, &two);
    let plan = node(plan::Operator::Limit { input: plan, limit: Some(1030), offset: 1022 }, &two);
    let found = run(&plan, &mut Surroundings::default()).unwrap();
    let expected: Vec<Vec<Value>> =
        (1022..2052).map(|n| vec![Value::Integer(n), Value::Integer(2 * n)]).collect();
    assert_eq!(found, expected);
}

#[test]
fn projecting_a_column_twice_answers_it_twice() {
    let expressions = vec![column(0), column(0)];
    let types = [DataType::Integer, DataType::Integer];
    let plan = node(plan::Operator::Project { input: numbers(3), expressions }, &types);
    assert_eq!(integers(&run(&plan, &mut Surroundings::default()).unwrap()), [0, 0, 1, 1, 2, 2]);
}

#[test]
fn an_offset_past_the_end_answers_nothing() {
    let types = [DataType::Integer];
    for (limit, offset) in [(None, 3), (Some(0), 0), (Some(5), 100)] {
        let plan = node(plan::Operator::Limit { input: numbers(3), limit, offset }, &types);
        assert!(run(&plan, &mut Surroundings::default()).unwrap().is_empty());
    }
}

fn sum_of(values: Vec<Value>, data_type: DataType) -> Result<Vec<Vec<Value>>> {
    let rows = values.into_iter().map(|value| vec![Expr::Literal { value, data_type }]).collect();
    let argument = Some(Expr::Column { index: 0, data_type });
    let output = if data_type.is_integer() { DataType::BigInt } else { data_type };
    let sum = Aggregate { function: AggregateFunction::Sum, argument, distinct: false, data_type: output };
    let input = node(plan::Operator::Values { rows }, &[data_type]);
    let operator = plan::Operator::Aggregate { input, group_by: Vec::new(), aggregates: vec![sum] };
    run(&node(operator, &[output]), &mut Surroundings::default())
}

#[test]
fn a_sum_overflows_only_if_the_whole_does() {
    let big = |n| Value::BigInt(n);
    let found = sum_of(vec![big(i64::MAX), big(1), big(-1)], DataType::BigInt).unwrap();
    assert_eq!(found, [[big(i64::MAX)]]);
    let error = sum_of(vec![big(i64::MAX), big(1)], DataType::BigInt).unwrap_err();
    assert_eq!((error.state().code(), error.message()), ("22003", "bigint out of range"));
    let error =
        sum_of(vec![Value::Double(1e308), Value::Double(1e308)], DataType::DoublePrecision).unwrap_err();
    assert_eq!(error.message(), "value out of range: overflow");
    assert_eq!(sum_of(Vec::new(), DataType::BigInt).unwrap(), [[Value::Null]]);
}

#[test]
fn grouping_nothing_answers_one_row_without_group_by_and_none_with_it() {
    let mut surroundings = Surroundings::default();
    let null = || Value::Null;
    let expected = [[Value::BigInt(0), Value::BigInt(0), null(), null(), Value::BigInt(0), null(), null()]];
    assert_eq!(aggregate(&[], &[], &mut surroundings).unwrap(), expected);
    assert!(aggregate(&[], &[0], &mut surroundings).unwrap().is_empty());
}

#[test]
fn an_interrupt_ends_the_query() {
    let mut surroundings = Surroundings::default();
    surroundings.interrupt.store(true, atomic::Ordering::Relaxed);
    let error = run(&numbers(3), &mut surroundings).unwrap_err();
    assert_eq!((error.state().code(), error.message()), ("57014", "canceling statement due to user request"));
}

#[test]
fn analyze_counts_each_node_in_pre_order() {
    let types = [DataType::Integer];
    let plan = node(plan::Operator::Filter { input: numbers(2000), predicate: less_than(1500) }, &types);
    let plan = node(plan::Operator::Limit { input: plan, limit: Some(1100), offset: 0 }, &types);
    let now = Cell::new(0.0);
    let clock = || {
        now.set(now.get() + 1.0);
        now.get()
    };
    let mut surroundings = Surroundings::default();
    let mut context = surroundings.context();
    context.stats = Some(Stats::new(&clock));
    let mut tree = build(&plan, Options { analyze: true, places: false }).unwrap();
    let mut batch = Batch::default();
    while tree.next(&mut context, &mut batch).unwrap() {}
    let nodes = context.take_nodes();
    assert_eq!(nodes.iter().map(|node| node.rows).collect::<Vec<_>>(), [1100, 1500, 2000]);
    assert!(nodes.iter().all(|node| node.loops == 1));
    assert!(nodes[0].total > nodes[1].total && nodes[1].total > nodes[2].total);
    assert!(nodes[0].startup < nodes[0].total);
}

#[test]
fn batches_are_reused_between_rows_of_different_types() {
    let mut surroundings = Surroundings::default();
    let text = vec![vec![Value::Null, Value::Text("x".repeat(100)), Value::Double(1.0)]; 250];
    let numbers = vec![vec![Value::Integer(1)]; 10];
    let mut batch = Batch::default();
    let mut context = surroundings.context();
    let mut first = Distinct::new(given(&TYPES, &text), &TYPES);
    assert!(first.next(&mut context, &mut batch).unwrap());
    assert_eq!(batch.row_count(), 1);
    let mut second = given(&TYPES[..1], &numbers);
    assert!(second.next(&mut context, &mut batch).unwrap());
    assert_eq!((batch.row_count(), batch.columns.len()), (10, 1));
}

/// A table of rows that are not in the order of any column, with NULLs and the same values again and again.
fn shuffled_table(surroundings: &mut Surroundings, schema: &Schema) -> Heap {
    let layout = Layout::new(schema);
    let (mut tuples, mut random) = (TupleBuffer::default(), 1_u32);
    for _ in 0..6000 {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let number = (random >> 8) as i32 % 3000;
        let or_null = |value, seldom| if number % seldom == 0 { Value::Null } else { value };
        let row = [
            or_null(Value::Integer(number - 1500), 400),
            or_null(Value::Text(format!("a shared beginning {}", number / 2)), 300),
            or_null(Value::Double(f64::from(number) / -8.0), 500),
        ];
        tuples.push_row(&layout, &row).unwrap();
    }
    let pages = &mut surroundings.pages;
    let mut heap = Heap::create(pages, 16384).unwrap();
    transact(pages, |pages, by| heap.insert(pages, by, 3, &mut tuples, &mut Vec::new()).unwrap());
    heap
}

#[test]
fn a_scan_that_is_told_what_nobody_needs_leaves_out_nothing_else() {
    let mut surroundings = Surroundings::default();
    let columns = (0..).zip(TYPES);
    let column_of =
        |(number, data_type)| types::Column { name: format!("c{number}"), data_type, not_null: false };
    let schema = Schema::new(columns.map(column_of).collect()).unwrap();
    let heap = shuffled_table(&mut surroundings, &schema);
    let scan = || SeqScan::new(heap.clone(), &schema, &[0, 1, 2], None, false).unwrap();
    let mut all = collect(&mut scan(), &mut surroundings.context(), &TYPES).unwrap();
    for (first, descending) in (0..3).flat_map(|first| [(first, false), (first, true)]) {
        for nulls_first in [false, true] {
            let key = |column: usize| SortKey { expression: self::column(column), descending, nulls_first };
            let keys = [key(first), key((first + 1) % 3)];
            let mut sort = |limit| {
                let mut sort = Sort::new(Box::new(scan()), &keys, limit, &TYPES).unwrap();
                collect(&mut sort, &mut surroundings.context(), &TYPES).unwrap()
            };
            all = sort(None);
            assert_eq!(shown(&sort(Some(25))), shown(&all[..25]), "{keys:?}");
        }
    }
    assert_eq!(all.len(), 6000);
    // And it does leave out: of 6,000 rows only those come up that had a chance.
    let mut scan = scan();
    let order = KeyOrder { data_type: TYPES[0], descending: false, nulls_first: false };
    scan.cut(Cutoff { column: 0, order, prefix: 0 });
    assert!(!scan.next(&mut surroundings.context(), &mut Batch::default()).unwrap());
}
