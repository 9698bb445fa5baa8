//! Looks for one failure in one milestone: see `planted`, which builds this program again for each of its bugs.

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    inox_crash::planted::hunt(&arguments)
}
