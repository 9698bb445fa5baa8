//! Parameters that SET changes and SHOW shows, with PostgreSQL's names, units and defaults.

use super::Database;
use crate::buffer::Options;
use crate::error::{Error, Result, SqlState};
use crate::sizes::{shared_buffers, work_mem};
use crate::sql::statement::SetValue;

#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// As the database was opened: what `SET … TO DEFAULT` returns to.
    defaults: Options,
    pub shared_buffers: usize,
    /// Bytes that one sort or hash table may take before it spills.
    pub work_mem: usize,
    /// Bytes that CREATE INDEX may sort in: there is one at a time, and it has much to sort.
    pub maintenance_work_mem: usize,
}

const DEFAULT_WORK_MEM: usize = 4 << 20;

/// PostgreSQL has 64 MB. With these, a million keys of an integer are sorted in memory, and all that is not buffers stays
/// within 64 MB.
const DEFAULT_MAINTENANCE_WORK_MEM: usize = 48 << 20;

impl Settings {
    pub fn new(options: Options) -> Settings {
        Settings {
            defaults: options,
            shared_buffers: options.shared_buffers,
            work_mem: DEFAULT_WORK_MEM,
            maintenance_work_mem: DEFAULT_MAINTENANCE_WORK_MEM,
        }
    }
}

impl Database {
    pub(super) fn set(&mut self, name: &str, value: &SetValue) -> Result<()> {
        match name {
            "shared_buffers" => {
                let bytes = match value {
                    SetValue::Default => self.settings.defaults.shared_buffers,
                    SetValue::Text(text) => shared_buffers(text)?,
                };
                self.pages.set_shared_buffers(bytes)?;
                self.settings.shared_buffers = bytes;
                Ok(())
            }
            "work_mem" => {
                self.settings.work_mem = match value {
                    SetValue::Default => DEFAULT_WORK_MEM,
                    SetValue::Text(text) => work_mem(name, text)?,
                };
                Ok(())
            }
            "maintenance_work_mem" => {
                self.settings.maintenance_work_mem = match value {
                    SetValue::Default => DEFAULT_MAINTENANCE_WORK_MEM,
                    SetValue::Text(text) => work_mem(name, text)?,
                };
                Ok(())
            }
            _ => Err(unrecognized(name)),
        }
    }

    /// The value of a parameter, as SHOW prints it.
    pub(super) fn show(&self, name: &str) -> Result<String> {
        match name {
            "shared_buffers" => Ok(format_size(self.settings.shared_buffers)),
            "work_mem" => Ok(format_size(self.settings.work_mem)),
            "maintenance_work_mem" => Ok(format_size(self.settings.maintenance_work_mem)),
            "server_version" => Ok(env!("CARGO_PKG_VERSION").to_string()),
            _ => Err(unrecognized(name)),
        }
    }
}

fn unrecognized(name: &str) -> Error {
    Error::new(SqlState::UndefinedObject, format!("unrecognized configuration parameter \"{name}\""))
}

fn format_size(bytes: usize) -> String {
    match bytes {
        _ if bytes.is_multiple_of(1 << 30) => format!("{}GB", bytes >> 30),
        _ if bytes.is_multiple_of(1 << 20) => format!("{}MB", bytes >> 20),
        _ if bytes.is_multiple_of(1 << 10) => format!("{}kB", bytes >> 10),
        _ => format!("{bytes}B"),
    }
}
