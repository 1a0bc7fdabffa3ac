//! `cpu.limit`: less processor time.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::fault::given::{Reader, between};
use crate::problem::Invalid;
use crate::units::{CpuShare, format_duration};

/// What the kernel takes for a period (`min_bw` and `max_cfs_quota_period`, kernel/sched/core.c).
const MIN_PERIOD: Duration = Duration::from_millis(1);
const MAX_PERIOD: Duration = Duration::from_secs(1);

/// The least that the kernel takes for a quota, in microseconds (`min_cfs_quota_period`).
const MIN_QUOTA_US: u64 = 1_000;

/// The kernel's own, where a cgroup has not been given another one.
const USUAL_PERIOD: Duration = Duration::from_millis(100);

/// A cgroup gets no more than a share of the processors, all its processes together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cpu {
    pub quota: CpuShare,
    /// In which time the share is used up and given anew, `1ms..=1s`; `None`: as the cgroup has it.
    pub period: Option<Duration>,
}

impl Cpu {
    /// `None` only if a problem was reported.
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let quota = reader.required("quota", str::parse);
        let period = reader.optional("period", |text| between(text, MIN_PERIOD, MAX_PERIOD));
        let cpu = Self {
            quota: quota?,
            period,
        };
        let period = period.unwrap_or(USUAL_PERIOD);
        if let Err(too_little) = cpu.quota_us(period) {
            let name = if reader.has("period") {
                "period"
            } else {
                "quota"
            };
            reader.conflict(name, too_little);
        }
        Some(cpu)
    }

    /// The share of `period`, in microseconds, unless it is less than the kernel takes.
    pub fn quota_us(&self, period: Duration) -> Result<u64, Invalid> {
        let period_us = u64::try_from(period.as_micros()).unwrap_or(u64::MAX);
        let quota_us = self.quota.of(period_us);
        if quota_us >= MIN_QUOTA_US {
            return Ok(quota_us);
        }
        let least = CpuShare::from_parts(MIN_QUOTA_US, period_us);
        Err(Invalid::saying(format!(
            "{} of a period of {} is less than 1ms, the least that the kernel takes",
            self.quota,
            format_duration(period)
        ))
        .hint(format!("at least {least}, or a longer `period`")))
    }

    pub(super) fn write(&self, params: &mut BTreeMap<String, String>) {
        params.insert("quota".to_owned(), self.quota.to_string());
        let period = self.period.map(format_duration);
        params.extend(period.map(|period| ("period".to_owned(), period)));
    }
}
