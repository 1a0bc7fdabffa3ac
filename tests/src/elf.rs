//! The smallest files that the kernel runs.

/// Of a program's registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    /// `i386`.
    Narrow,
    /// `x86_64`.
    Wide,
}

/// Where a program without an address of its own usually is.
const BASE: u32 = 0x0040_0000;
const EXECUTABLE: u16 = 2;
const LOAD: u32 = 1;
const READ_AND_RUN: u32 = 5;

/// Sizes of a header and of the description of a segment.
const fn sizes(width: Width) -> (u16, u16) {
    match width {
        Width::Narrow => (52, 32),
        Width::Wide => (64, 56),
    }
}

/// Where its first instruction is, once it runs.
pub fn start(width: Width) -> u64 {
    let (header, segment) = sizes(width);
    u64::from(BASE) + u64::from(header + segment)
}

/// A file whose only segment is the headers and the instructions, which it begins with.
pub fn program(width: Width, instructions: &[u8]) -> Vec<u8> {
    let (class, machine) = match width {
        Width::Narrow => (1, 3_u16),
        Width::Wide => (2, 62),
    };
    let (header, segment) = sizes(width);
    let code = u32::from(header + segment);
    let length = code + u32::try_from(instructions.len()).unwrap_or(u32::MAX);
    let mut file = vec![0x7F, b'E', b'L', b'F', class, 1, 1];
    file.resize(16, 0);
    short(&mut file, &[EXECUTABLE, machine]);
    file.extend(1_u32.to_le_bytes());
    for place in [BASE + code, u32::from(header), 0] {
        word(&mut file, width, place);
    }
    file.extend(0_u32.to_le_bytes());
    short(&mut file, &[header, segment, 1, 0, 0, 0]);
    file.extend(LOAD.to_le_bytes());
    if width == Width::Wide {
        file.extend(READ_AND_RUN.to_le_bytes());
    }
    for number in [0, BASE, BASE, length, length] {
        word(&mut file, width, number);
    }
    if width == Width::Narrow {
        file.extend(READ_AND_RUN.to_le_bytes());
    }
    word(&mut file, width, 0x1000);
    file.extend(instructions);
    file
}

fn short(file: &mut Vec<u8>, numbers: &[u16]) {
    file.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
}

fn word(file: &mut Vec<u8>, width: Width, number: u32) {
    match width {
        Width::Narrow => file.extend(number.to_le_bytes()),
        Width::Wide => file.extend(u64::from(number).to_le_bytes()),
    }
}
