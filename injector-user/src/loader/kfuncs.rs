//! Functions of the kernel that programs call: by their numbers in its BTF, which stand in its instructions
//! (Documentation/bpf/kfuncs.rst).

use aya_obj::generated::bpf_insn;
use injector_abi::sleep::kfunc;

use super::functions::Functions;
use super::object::ObjectError;

/// What stands in our instructions, and what such a function is called, the newest name first: older ones
/// may still be described and cannot be called any more (7.2).
const CALLED: [(u32, &[&str]); 4] = [
    (kfunc::TASK_FROM_PID, &["bpf_task_from_pid"]),
    (kfunc::TASK_RELEASE, &["bpf_task_release"]),
    (
        kfunc::SCHEDULE_RESUME,
        &[
            "bpf_task_work_schedule_resume",
            "bpf_task_work_schedule_resume_impl",
        ],
    ),
    (
        kfunc::SCHEDULE_SIGNAL,
        &[
            "bpf_task_work_schedule_signal",
            "bpf_task_work_schedule_signal_impl",
        ],
    ),
];

/// `BPF_JMP | BPF_CALL`, and its source register for a function of the kernel.
const CALL: u8 = 0x85;
const KERNEL_FUNCTION: u8 = 2;

/// Writes the numbers into the instructions that call such functions.
pub(super) fn write_numbers(text: &mut [bpf_insn]) -> Result<(), ObjectError> {
    for instruction in text.iter_mut().filter(|one| one.code == CALL) {
        let mut known = CALLED.iter();
        let Some((_, names)) = known.find(|(magic, _)| magic.cast_signed() == instruction.imm)
        else {
            continue;
        };
        let functions = Functions::known().map_err(ObjectError::Functions)?;
        let number = functions.called(names);
        let number = number.ok_or_else(|| ObjectError::NoFunction(names.join(" or ")))?;
        instruction.set_src_reg(KERNEL_FUNCTION);
        instruction.imm = number.cast_signed();
    }
    Ok(())
}
