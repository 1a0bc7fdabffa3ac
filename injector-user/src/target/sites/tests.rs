use injector_core::plan::Number;

use super::decode::{Found, calls};
use super::mapped::sites_of;

#[track_caller]
fn check(code: &[u8], expected: &[(usize, u8, Number)]) {
    let expected: Vec<Found> = expected
        .iter()
        .map(|(offset, length, number)| Found {
            offset: *offset,
            length: *length,
            number: *number,
        })
        .collect();
    assert_eq!(calls(code), expected, "{code:02x?}");
}

#[test]
fn a_call_is_known_by_the_instruction_before_it() {
    // mov $1,%eax; syscall; ret
    let write = [0xB8, 1, 0, 0, 0, 0x0F, 5, 0xC3];
    check(&write, &[(0, 7, Number::Call(1))]);
    // endbr64; xor %eax,%eax; syscall
    let read = [0xF3, 0x0F, 0x1E, 0xFA, 0x31, 0xC0, 0x0F, 5];
    check(&read, &[(4, 4, Number::Call(0))]);
    // mov $74,%rax; syscall
    let fsync = [0x48, 0xC7, 0xC0, 74, 0, 0, 0, 0x0F, 5];
    check(&fsync, &[(0, 9, Number::Call(74))]);
    // mov %rdi,%rax; syscall
    check(
        &[0x48, 0x89, 0xF8, 0x0F, 5],
        &[(0, 5, Number::Register(14))],
    );
}

#[test]
fn what_is_not_certain_is_none() {
    // syscall alone; mov $1,%ecx; mov (%rdi),%rax; something between.
    check(&[0x0F, 5], &[]);
    check(&[0xB9, 1, 0, 0, 0, 0x0F, 5], &[]);
    check(&[0x48, 0x8B, 0x07, 0x0F, 5], &[]);
    check(&[0xB8, 1, 0, 0, 0, 0x90, 0x0F, 5], &[]);
    // The same bytes inside of another instruction: movabs $0x050f00000001b8,%rdi.
    check(&[0x48, 0xBF, 0xB8, 1, 0, 0, 0, 0x0F, 5, 0], &[]);
    // Behind what cannot be decoded.
    check(&[0x06, 0xB8, 1, 0, 0, 0, 0x0F, 5], &[]);
}

#[test]
fn our_own_library_makes_most_calls_so() {
    let own = std::process::id().cast_signed();
    let sites = sites_of([own]);
    for number in [0, 1, 74, 121] {
        let mut all = sites.iter();
        let found = all.find(|site| site.number == Number::Call(number));
        assert!(
            found.is_some_and(|site| !site.offsets.is_empty()),
            "{number}"
        );
    }
    assert_eq!(sites_of([own]), sites);
}
