//! Programs that are loaded and attached nowhere, so that arming does not wait for the verifier.

use injector_abi::{HOOK_MAGIC, LINK_HEADER_MAGIC, THOROUGH_MAGIC};

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
}

/// Of Ethernet.
pub(super) const ETHERNET: u32 = 14;

/// Newest last.
#[derive(Debug, Default)]
pub(super) struct Spares(Vec<(Instance, Program)>);

/// How many are kept.
const KEPT: usize = 32;

impl Spares {
    /// The program, which is a spare no more, or newly loaded.
    pub(super) fn program(
        &mut self,
        texts: &Texts,
        instance: Instance,
    ) -> Result<Program, ObjectError> {
        match self.position(instance) {
            Some(position) => Ok(self.0.remove(position).1),
            None => load(texts, instance),
        }
    }

    pub(super) fn keep(&mut self, instance: Instance, program: Program) {
        self.0.push((instance, program));
        let too_many = self.0.len().saturating_sub(KEPT);
        self.0.drain(..too_many);
    }

    /// Loads ahead what a fault of a frequent kind will need at place `index`.
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
            };
            if self.position(instance).is_none() {
                let program = load(texts, instance)?;
                self.keep(instance, program);
            }
        }
        Ok(())
    }

    fn position(&self, instance: Instance) -> Option<usize> {
        self.0.iter().position(|(one, _program)| *one == instance)
    }
}

fn load(texts: &Texts, instance: Instance) -> Result<Program, ObjectError> {
    let Instance {
        index,
        name,
        role,
        link_header,
        thorough,
    } = instance;
    let object = if name.starts_with("net_") {
        &texts.net
    } else {
        &texts.sock
    };
    let constants = [
        (HOOK_MAGIC, index),
        (LINK_HEADER_MAGIC, link_header),
        (THOROUGH_MAGIC, u32::from(thorough)),
    ];
    object.load(name, role, &constants)
}
