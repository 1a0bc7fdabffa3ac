//! Programs that are loaded and attached nowhere, so that arming does not wait for the verifier.

use std::sync::Arc;

use injector_abi::syscall::{count, subject};
use injector_abi::{
    COUNT_MAGIC, HOOK_MAGIC, LINK_HEADER_MAGIC, NUMBER_MAGIC, SKIP_MAGIC, SUBJECT_MAGIC,
    THOROUGH_MAGIC,
};

use super::ahead::Ahead;
use super::hooks::{HookIndex, Texts};
use super::object::ObjectError;
use super::program::{Program, Role};

/// A program's text and what is written into it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Instance {
    pub index: HookIndex,
    pub name: &'static str,
    pub role: Role,
    /// Bytes before the IP header.
    pub link_header: u32,
    pub thorough: bool,
    /// The kernel's function that it is for, by its number; 0 for none.
    pub function: u32,
    /// Where it is said how many bytes a call is about.
    pub count: u32,
    /// What the call is about.
    pub subject: u32,
    /// The system call that it is for, by its number; 0 for none in particular.
    pub number: u32,
    /// How many bytes of instructions make it.
    pub skip: u32,
}

/// Of Ethernet.
pub(super) const ETHERNET: u32 = 14;

#[derive(Debug, Default)]
pub(super) struct Spares {
    /// Newest last.
    kept: Vec<(Instance, Program)>,
    /// For a fault that is being armed at many places.
    ahead: Option<Ahead>,
}

/// How many are kept while nothing is being armed.
const KEPT: usize = 32;

impl Spares {
    /// The program, which is a spare no more, or newly loaded.
    pub(super) fn program(
        &mut self,
        texts: &Texts,
        instance: Instance,
    ) -> Result<Program, ObjectError> {
        if let Some(position) = self.position(instance) {
            return Ok(self.kept.remove(position).1);
        }
        let Self { kept, ahead } = self;
        let coming = ahead
            .as_mut()
            .and_then(|ahead| ahead.take(instance, |other, program| kept.push((other, program))));
        coming.map_or_else(|| load(texts, instance), Ok)
    }

    pub(super) fn keep(&mut self, instance: Instance, program: Program) {
        self.kept.push((instance, program));
        if self.ahead.is_none() {
            self.forget_oldest();
        }
    }

    /// Loads meanwhile what is missing of `wanted`, until [`Spares::end_ahead`].
    pub(super) fn begin_ahead(&mut self, texts: &Arc<Texts>, wanted: Vec<Instance>) {
        let missing = wanted.into_iter();
        let missing: Vec<_> = missing
            .filter(|one| self.position(*one).is_none())
            .collect();
        // The only one is needed at once.
        self.ahead = (missing.len() > 1).then(|| Ahead::begin(texts, missing));
    }

    pub(super) fn end_ahead(&mut self) {
        self.ahead = None;
        self.forget_oldest();
    }

    fn forget_oldest(&mut self) {
        let too_many = self.kept.len().saturating_sub(KEPT);
        self.kept.drain(..too_many);
    }

    /// Loads ahead what a fault of a frequent kind will need at place `index`: one program at a time.
    pub(super) fn prepare(&mut self, texts: &Texts, index: HookIndex) -> Result<(), ObjectError> {
        for (name, role) in [
            ("net_egress", Role::InterfaceEgress),
            ("net_ingress", Role::InterfaceIngress),
        ] {
            let instance = Instance {
                index,
                name,
                role,
                link_header: ETHERNET,
                thorough: false,
                function: 0,
                count: count::NONE,
                subject: subject::NONE,
                number: 0,
                skip: 0,
            };
            if self.position(instance).is_none() {
                let program = load(texts, instance)?;
                self.keep(instance, program);
                break;
            }
        }
        Ok(())
    }

    fn position(&self, instance: Instance) -> Option<usize> {
        self.kept
            .iter()
            .position(|(one, _program)| *one == instance)
    }
}

pub(super) fn load(texts: &Texts, instance: Instance) -> Result<Program, ObjectError> {
    let Instance {
        index,
        name,
        role,
        link_header,
        thorough,
        function,
        count,
        subject,
        number,
        skip,
    } = instance;
    let object = match name.split_once('_') {
        Some(("net", _)) => &texts.net,
        Some(("syscall", _)) => &texts.syscall,
        Some(("delay", _)) => &texts.delay,
        _ => &texts.sock,
    };
    let constants = [
        (HOOK_MAGIC, index),
        (LINK_HEADER_MAGIC, link_header),
        (THOROUGH_MAGIC, u32::from(thorough)),
        (COUNT_MAGIC, count),
        (SUBJECT_MAGIC, subject),
        (NUMBER_MAGIC, number),
        (SKIP_MAGIC, skip),
    ];
    object.load_for(function, name, role, &constants)
}
