//! One embedded eBPF object: parsed, tied to the shared maps, ready to be loaded again and again.

use std::collections::{BTreeMap, HashSet};
use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};

use aya_obj::btf::{Btf, BtfFeatures};
use aya_obj::generated::bpf_insn;
use injector_abi::LACK_MAGIC;

use super::btf::BtfError;
use super::kfuncs;
use super::maps::{Maps, MapsError};
use super::older::{self, Older};
use super::program::{Program, Role};
use crate::sys::bpf::{self, LoadError};

/// Why an object cannot be used at all.
#[derive(Debug, thiserror::Error)]
pub enum ObjectError {
    #[error("failed to parse the embedded kernel object `{object}`")]
    Parse {
        object: &'static str,
        #[source]
        source: Box<aya_obj::ParseError>,
    },
    #[error("failed to relocate the embedded kernel object `{object}`")]
    Relocate {
        object: &'static str,
        #[source]
        source: Box<aya_obj::relocation::EbpfRelocationError>,
    },
    #[error("failed to load the type information of the embedded kernel object `{object}`")]
    Types {
        object: &'static str,
        #[source]
        source: io::Error,
    },
    #[error("this binary was built without its kernel objects")]
    Empty,
    #[error("this kernel has no function `{0}` that programs may call")]
    NoFunction(String),
    #[error("failed to find out which functions this kernel has")]
    Functions(#[source] BtfError),
    #[error("the kernel object has no program `{0}`")]
    NoProgram(&'static str),
    #[error(transparent)]
    Maps(#[from] MapsError),
    #[error(transparent)]
    Load(#[from] LoadError),
}

/// The texts of an object's programs.
#[derive(Debug)]
pub struct Object {
    texts: BTreeMap<String, Text>,
    license: CString,
    /// Tells the verifier which functions it may check once for all their callers.
    types: OwnedFd,
}

#[derive(Debug)]
struct Text {
    instructions: Vec<bpf_insn>,
    functions: Vec<u8>,
    function_size: u32,
}

impl Object {
    /// Parses `bytes`, creating those of its maps that are not in `maps` yet.
    pub fn open(object: &'static str, bytes: &[u8], maps: &mut Maps) -> Result<Self, ObjectError> {
        if bytes.is_empty() {
            return Err(ObjectError::Empty);
        }
        let mut parsed = aya_obj::Object::parse(bytes).map_err(|source| ObjectError::Parse {
            object,
            source: Box::new(source),
        })?;
        for (name, map) in &parsed.maps {
            maps.create(object, name, map)?;
        }
        let texts: HashSet<usize> = parsed
            .functions
            .keys()
            .map(|(section, _address)| *section)
            .collect();
        let declared = parsed.maps.clone();
        let known = declared
            .iter()
            .filter_map(|(name, map)| Some((name.as_str(), maps.fd(object, name)?, map)));
        parsed
            .relocate_maps(known, &texts)
            .and_then(|()| parsed.relocate_calls(&texts))
            .map_err(|source| ObjectError::Relocate {
                object,
                source: Box::new(source),
            })?;
        let types = load_types(object, &mut parsed)?;
        Ok(Self {
            texts: texts_of(&parsed),
            license: parsed.license.clone(),
            types,
        })
    }

    /// Loads program `name` with its constants replaced: (magic, value) pairs.
    pub fn load(
        &self,
        name: &'static str,
        role: Role,
        constants: &[(u32, u32)],
    ) -> Result<Program, ObjectError> {
        self.load_for(0, name, role, constants)
    }

    /// The same for a function of the kernel, by its number in the kernel's BTF.
    pub fn load_for(
        &self,
        target: u32,
        name: &'static str,
        role: Role,
        constants: &[(u32, u32)],
    ) -> Result<Program, ObjectError> {
        let text = self.texts.get(name).ok_or(ObjectError::NoProgram(name))?;
        let load = |older: Older| {
            let told = [constants, &[(LACK_MAGIC, older.told(role))]].concat();
            let mut instructions = patched(&text.instructions, &told);
            older.rewrite(&mut instructions);
            kfuncs::write_numbers(&mut instructions)?;
            let loaded = bpf::load(&bpf::Text {
                name,
                kind: role.loaded_type(),
                sleeps: role.sleeps(),
                instructions: &instructions,
                license: &self.license,
                types: self.types.as_fd(),
                functions: &text.functions,
                function_size: text.function_size,
                target,
            });
            loaded.map_err(ObjectError::from)
        };
        let assumed = older::known();
        let fd = load(assumed).or_else(|refused| match older::find() {
            found if found == assumed => Err(refused),
            found => load(found),
        })?;
        Ok(Program::new(fd, role))
    }
}

/// Loads the object's own BTF. Kernels since 5.6 take it as it is; for others it is cut down to what
/// they say they know.
fn load_types(object: &'static str, parsed: &mut aya_obj::Object) -> Result<OwnedFd, ObjectError> {
    let failed = |source| ObjectError::Types { object, source };
    let newest = BtfFeatures::new(true, true, true, false, true, true, true, true);
    let mut copy = parsed.clone();
    match bpf::load_types(&types_for(&mut copy, &newest).map_err(failed)?) {
        Ok(types) => {
            *parsed = copy;
            Ok(types)
        }
        Err(refused) => {
            let Some(known) = aya::features().btf() else {
                return Err(failed(refused));
            };
            bpf::load_types(&types_for(parsed, known).map_err(failed)?).map_err(failed)
        }
    }
}

fn types_for(object: &mut aya_obj::Object, features: &BtfFeatures) -> io::Result<Vec<u8>> {
    object
        .fixup_and_sanitize_btf(features)
        .map_err(io::Error::other)?
        .map(Btf::to_bytes)
        .ok_or_else(|| io::Error::other("the object has no type information"))
}

fn texts_of(object: &aya_obj::Object) -> BTreeMap<String, Text> {
    object
        .programs
        .iter()
        .filter_map(|(name, program)| {
            let function = object.functions.get(&program.function_key())?;
            let text = Text {
                instructions: function.instructions.clone(),
                functions: function.func_info.func_info_bytes(),
                function_size: u32::try_from(function.func_info_rec_size).ok()?,
            };
            Some((name.clone(), text))
        })
        .collect()
}

/// `BPF_MOV | BPF_K` in its 64-bit and 32-bit forms.
const MOVE_CONSTANT: [u8; 2] = [0xB7, 0xB4];

fn patched(text: &[bpf_insn], constants: &[(u32, u32)]) -> Vec<bpf_insn> {
    let mut text = text.to_vec();
    for instruction in text
        .iter_mut()
        .filter(|one| MOVE_CONSTANT.contains(&one.code))
    {
        let replacement = constants
            .iter()
            .find(|(magic, _value)| magic.cast_signed() == instruction.imm);
        if let Some((_magic, value)) = replacement {
            instruction.imm = value.cast_signed();
        }
    }
    text
}
