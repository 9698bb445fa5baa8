//! Pulls the plug on every milestone, anywhere, and looks at what is left.
//!
//! A database promises that what COMMIT acknowledged is there, whatever happens. Here, it happens:
//!
//! - `crashes`: on a simulated disk, the power goes (or the process is killed) at every single operation of a
//!   workload, and of the recovery after it; of what was not synced, eight policies decide what survives
//! - `failures`: every single operation of the disk fails, once or from then on, in each way that it can: an error of
//!   the device, a full disk, a short transfer, a signal
//! - `rot`: bytes flip, files are cut off, pages and segments change places
//! - `fuzz`: whatever bytes are fed to every place where a milestone takes something in
//! - `processes`: the real programs are killed under load, and at each of their system calls; the power of a real
//!   file system goes
//! - `images`: the real programs are recorded, and open what a power cut would have left of their files
//! - `planted`: somebody makes the classic mistakes, and the parts above must find each of them
//!
//! `model` knows what must be there afterwards, `engine` makes five milestones look alike, `workload` is what they are
//! given to do.

pub mod crashes;
pub mod engine;
pub mod failures;
#[cfg(feature = "whole")]
pub mod fuzz;
#[cfg(feature = "whole")]
pub mod images;
pub mod model;
pub mod part;
pub mod planted;
#[cfg(feature = "whole")]
pub mod processes;
pub mod replay;
pub mod report;
pub mod rot;
pub mod tap;
pub mod watch;
pub mod workload;
