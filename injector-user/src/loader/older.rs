//! What older kernels lack, and what stands for it: the one place that knows.
//!
//! A text that the kernel refuses is tried again with what stands for what is lacking, which is found out
//! by loading a few instructions for each, never by the kernel's version. Newer kernels get every text as
//! it is, and are asked nothing.

use std::sync::OnceLock;

use aya_obj::generated::{
    bpf_attach_type, bpf_func_id as helper, bpf_insn, bpf_map_type, bpf_prog_type,
};
use injector_abi::lack;
use nix::errno::Errno;

use super::program::Role;
use crate::sys::bpf::{self, ProgramType};

/// What this kernel lacks.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is there or not, whatever the others are"
)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Older {
    /// Atomic additions that say what was there before (5.12): programs take turns.
    fetch: bool,
    /// The time of the last tick (5.11): the exact time, which costs more.
    coarse_clock: bool,
    /// The current task, of a type that the verifier knows (5.11): its address.
    typed_task: bool,
    /// Its registers (5.15): read where they lie.
    registers: bool,
    /// Its cgroups, at a function (5.11): read where they lie.
    ancestor: bool,
    /// What is kept with a task (5.12): kept by its number.
    pub(super) task_storage: bool,
}

/// Whether the kernel wants no hash map that is filled as it goes in a program of a probe (before 6.1): it
/// would take it, and warn. What can be tried instead is a kind of map that came at the same time.
pub(super) fn wants_room_ahead() -> bool {
    static FOUND: OnceLock<bool> = OnceLock::new();
    *FOUND.get_or_init(|| {
        let tried = bpf::try_map(bpf_map_type::BPF_MAP_TYPE_USER_RINGBUF, PAGE);
        tried.is_err_and(|error| is_unknown(&error))
    })
}

/// Whether programs can change what this function of the kernel's returns: not if some of its arguments
/// are structures (before 6.0), nor if it only stands for a system call that the kernel was built without.
pub(super) fn can_change(function: u32) -> bool {
    let kind = ProgramType {
        kind: bpf_prog_type::BPF_PROG_TYPE_TRACING,
        attach: bpf_attach_type::BPF_MODIFY_RETURN,
    };
    let tried = bpf::try_load(kind, function, &[set(0, 0), end()]);
    !tried.is_err_and(|error| is_unknown(&error))
}

/// Whether programs of the BPF LSM may sleep where it calls this function of the kernel's.
pub(super) fn can_sleep(function: u32) -> bool {
    let tried = bpf::try_load_sleeping(
        Role::LsmSleeping.program_type(),
        function,
        &[set(0, 0), end()],
    );
    !tried.is_err_and(|error| is_unknown(&error))
}

/// Whether hooks of a cgroup can give an error of their choice, and not just EPERM (5.18). It is asked
/// before a program is tried that needs it: an old verifier takes half a minute to come to that place.
pub fn hooks_choose_errors() -> bool {
    let kind = ProgramType {
        kind: bpf_prog_type::BPF_PROG_TYPE_CGROUP_SOCK_ADDR,
        attach: bpf_attach_type::BPF_CGROUP_INET4_CONNECT,
    };
    takes(kind, &[set(1, -1), call(SET_RESULT), set(0, 1), end()])
}

/// Whether a program of a probe may change the registers of whom it has stopped (6.18).
pub fn probes_change_registers() -> bool {
    /// Of `ip` in the registers.
    const PLACE: i16 = 128;
    let kind = ProgramType {
        kind: bpf_prog_type::BPF_PROG_TYPE_KPROBE,
        attach: bpf_attach_type::BPF_CGROUP_INET_INGRESS,
    };
    let store = instruction(STORE_REGISTER, [1, 0], PLACE, 0);
    takes(kind, &[set(0, 0), store, end()])
}

/// Whether the verifier finds no fault with it; who may not ask is told so later.
fn takes(kind: ProgramType, text: &[bpf_insn]) -> bool {
    let refused = [Errno::EINVAL as i32, Errno::EACCES as i32];
    let tried = bpf::try_load(kind, 0, text);
    !tried.is_err_and(|error| error.raw_os_error().is_some_and(|no| refused.contains(&no)))
}

/// A ring buffer's size is so many bytes at the least.
const PAGE: u32 = 4096;

static FOUND: OnceLock<Older> = OnceLock::new();

/// What is lacking, if that has been found out.
pub(super) fn known() -> Older {
    FOUND.get().copied().unwrap_or_default()
}

/// What is lacking.
pub(super) fn find() -> Older {
    *FOUND.get_or_init(|| {
        let at_function = |text: &[bpf_insn]| lacks(bpf_prog_type::BPF_PROG_TYPE_KPROBE, text);
        let at_interface = |text: &[bpf_insn]| lacks(bpf_prog_type::BPF_PROG_TYPE_SCHED_CLS, text);
        let at_tracepoint =
            |text: &[bpf_insn]| lacks(bpf_prog_type::BPF_PROG_TYPE_RAW_TRACEPOINT, text);
        Older {
            fetch: at_function(&fetching()),
            coarse_clock: at_interface(&[call(COARSE_CLOCK)]),
            typed_task: at_function(&[call(TYPED_TASK)]),
            registers: at_function(&[call(TYPED_TASK), copy(1, 0), call(REGISTERS)]),
            ancestor: at_function(&[set(1, 0), call(ANCESTOR)]),
            task_storage: at_tracepoint(&[call(TASK_STORAGE)]),
        }
    })
}

impl Older {
    /// What a program of this role is told.
    pub(super) fn told(self, role: Role) -> u32 {
        let fetch = if role.is_at_interface() {
            lack::FETCH_FOR_PACKETS
        } else {
            lack::FETCH_FOR_CALLERS
        };
        let bits = [
            (self.fetch, fetch),
            (self.registers, lack::REGISTERS),
            (self.ancestor, lack::CALLERS_CGROUP),
            (self.task_storage, lack::TASK_STORAGE),
        ];
        let lacking = bits.into_iter().filter(|(lacking, _bit)| *lacking);
        lacking.fold(0, |all, (_lacking, bit)| all | bit)
    }

    /// Puts into a text what stands for what is lacking.
    pub(super) fn rewrite(self, text: &mut [bpf_insn]) {
        for instruction in text {
            match instruction.code {
                // Not reached, and refused nevertheless.
                ATOMIC if self.fetch && instruction.imm == FETCH_ADD => instruction.imm = ADD,
                CALL if instruction.src_reg() == HELPER => self.replace(instruction),
                _ => {}
            }
        }
    }

    fn replace(self, instruction: &mut bpf_insn) {
        *instruction = match instruction.imm {
            COARSE_CLOCK if self.coarse_clock => call(CLOCK),
            TYPED_TASK if self.typed_task => call(TASK),
            _ => return,
        }
    }
}

const COARSE_CLOCK: i32 = helper::BPF_FUNC_ktime_get_coarse_ns as i32;
const CLOCK: i32 = helper::BPF_FUNC_ktime_get_ns as i32;
const TYPED_TASK: i32 = helper::BPF_FUNC_get_current_task_btf as i32;
const TASK: i32 = helper::BPF_FUNC_get_current_task as i32;
const REGISTERS: i32 = helper::BPF_FUNC_task_pt_regs as i32;
const SET_RESULT: i32 = helper::BPF_FUNC_set_retval as i32;
const TASK_STORAGE: i32 = helper::BPF_FUNC_task_storage_get as i32;
const ANCESTOR: i32 = helper::BPF_FUNC_get_current_ancestor_cgroup_id as i32;

/// `BPF_JMP | BPF_CALL`; with this for its source register it calls a helper.
const CALL: u8 = 0x85;
const HELPER: u8 = 0;
/// `BPF_STX | BPF_ATOMIC | BPF_DW`; what it does is said by its constant.
const ATOMIC: u8 = 0xDB;
const ADD: i32 = 0;
const FETCH_ADD: i32 = 1;
/// `BPF_ALU64 | BPF_MOV`, of a constant and of a register.
const SET: u8 = 0xB7;
const COPY: u8 = 0xBF;
/// `BPF_ST | BPF_MEM | BPF_DW`.
const STORE: u8 = 0x7A;
/// `BPF_STX | BPF_MEM | BPF_DW`.
const STORE_REGISTER: u8 = 0x7B;
/// `BPF_JMP | BPF_EXIT`.
const EXIT: u8 = 0x95;
/// The register that holds the address of the stack's end.
const STACK: u8 = 10;

/// Adds to a word of the stack.
fn fetching() -> [bpf_insn; 3] {
    let store = instruction(STORE, [STACK, 0], -8, 0);
    [
        store,
        set(1, 0),
        instruction(ATOMIC, [STACK, 1], -8, FETCH_ADD),
    ]
}

fn call(number: i32) -> bpf_insn {
    instruction(CALL, [0, HELPER], 0, number)
}

fn set(register: u8, value: i32) -> bpf_insn {
    instruction(SET, [register, 0], 0, value)
}

fn copy(to: u8, from: u8) -> bpf_insn {
    instruction(COPY, [to, from], 0, 0)
}

fn end() -> bpf_insn {
    instruction(EXIT, [0, 0], 0, 0)
}

fn instruction(code: u8, [destination, source]: [u8; 2], off: i16, imm: i32) -> bpf_insn {
    bpf_insn {
        code,
        _bitfield_align_1: [],
        _bitfield_1: bpf_insn::new_bitfield_1(destination, source),
        off,
        imm,
    }
}

/// Whether the kernel finds fault with these instructions.
fn lacks(kind: bpf_prog_type, text: &[bpf_insn]) -> bool {
    let kind = ProgramType {
        kind,
        attach: bpf_attach_type::BPF_CGROUP_INET_SOCK_CREATE,
    };
    let tried = bpf::try_load(kind, 0, &[text, &[set(0, 1), end()]].concat());
    tried.is_err_and(|error| is_unknown(&error))
}

fn is_unknown(error: &std::io::Error) -> bool {
    error.raw_os_error() == Some(Errno::EINVAL as i32)
}

#[cfg(test)]
mod tests {
    use super::{ADD, ATOMIC, CLOCK, COARSE_CLOCK, Older, TYPED_TASK, call, fetching, set};

    fn shape(text: &[aya_obj::generated::bpf_insn]) -> Vec<(u8, i32)> {
        text.iter().map(|one| (one.code, one.imm)).collect()
    }

    #[test]
    fn what_is_lacking_is_replaced_and_nothing_else() {
        let old = Older {
            fetch: true,
            coarse_clock: true,
            ..Older::default()
        };
        let [store, one, fetch] = fetching();
        let text = [store, one, fetch, call(COARSE_CLOCK), call(TYPED_TASK)];
        let mut rewritten = text;
        old.rewrite(&mut rewritten);
        let mut expected = shape(&text);
        expected[2] = (ATOMIC, ADD);
        expected[3].1 = CLOCK;
        assert_eq!(shape(&rewritten), expected);
    }

    #[test]
    fn a_kernel_that_lacks_nothing_gets_the_text_as_it_is() {
        let text = [set(1, 0), call(COARSE_CLOCK)];
        let mut rewritten = text;
        Older::default().rewrite(&mut rewritten);
        assert_eq!(shape(&rewritten), shape(&text));
    }
}
