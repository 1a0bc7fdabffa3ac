//! Lines that are none: too long, without end, a byte at a time, noise.

use std::net::Shutdown;

use anyhow::{Context as _, Result};
use injector_user::protocol::{Class, MAX_LINE};

use super::scene::{Raw, answered, await_calm, question, under};

#[test]
fn a_line_that_never_ends_is_cut_at_a_mebibyte() -> Result<()> {
    under(|engine| {
        let mut client = Raw::connect(engine)?;
        let piece = vec![b'7'; 1 << 16];
        let mut written = 0;
        while client.write(&piece).is_ok() {
            written += piece.len();
            answered(engine)?;
            // What is on its way fits into the socket's buffers.
            assert!(written < 4 * MAX_LINE, "{written} bytes were taken");
        }
        let failure = client.refused(Class::Input)?;
        let said = &failure.problems[0].message;
        assert!(said.contains("more than 1048576 bytes"), "{said}");
        client.gone()?;
        await_calm(engine)
    })
}

#[test]
fn a_line_longer_than_a_mebibyte_is_refused_though_it_ends() -> Result<()> {
    under(|engine| {
        let mut long = vec![b' '; MAX_LINE];
        long.extend(question(1));
        let mut client = Raw::connect(engine)?;
        // The engine may have closed the connection before it is written whole.
        let _cut = client.write(&long);
        client.refused(Class::Input)?;
        client.gone()?;
        // As long as it may be is not too long.
        let mut client = Raw::connect(engine)?;
        let request = question(2);
        let mut longest = vec![b' '; MAX_LINE - request.len()];
        longest.extend(request);
        client.write(&longest)?;
        let response = client.hear()?.context("it is answered")?;
        assert!(response.id == 2 && response.answer.is_ok(), "{response:?}");
        drop(client);
        await_calm(engine)
    })
}

#[test]
fn a_client_that_sends_a_byte_at_a_time_keeps_nobody_waiting() -> Result<()> {
    under(|engine| {
        let mut slow = Raw::connect(engine)?;
        for byte in question(9) {
            slow.write(&[byte])?;
            answered(engine)?;
        }
        let response = slow.hear()?.context("it is answered too")?;
        assert!(response.id == 9 && response.answer.is_ok(), "{response:?}");
        drop(slow);
        await_calm(engine)
    })
}

#[test]
fn noise_is_answered_and_nothing_comes_of_it() -> Result<()> {
    under(|engine| {
        // A linear congruential generator: the same noise every time.
        let mut state = 0x2545_f491_u32;
        let mut byte = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_be_bytes()[0]
        };
        for round in 0..100_usize {
            let mut client = Raw::connect(engine)?;
            let mut noise: Vec<u8> = (0..round * 13).map(|_| byte()).collect();
            noise.retain(|byte| *byte != b'\n');
            noise.push(b'\n');
            client.write(&noise)?;
            client.refused(Class::Input)?;
            // Cut in the middle of a line.
            client.write(noise.split_last().context("it is not empty")?.1)?;
            client.close(Shutdown::Write)?;
            if round > 0 {
                client.refused(Class::Input)?;
            }
            client.gone()?;
        }
        answered(engine)?;
        await_calm(engine)
    })
}

#[test]
fn deep_and_wide_json_is_refused() -> Result<()> {
    under(|engine| {
        let deep = "[".repeat(MAX_LINE - 1);
        let wide = format!(
            "{{\"id\":1,\"call\":{{{}",
            "\"op\":\"status\",".repeat(60_000)
        );
        let number = format!(
            "{{\"id\":{},\"call\":{{\"op\":\"status\"}}}}",
            "9".repeat(1 << 16)
        );
        for line in [deep, wide, number] {
            let mut client = Raw::connect(engine)?;
            client.write(line.as_bytes())?;
            client.write(b"\n")?;
            client.refused(Class::Input)?;
            answered(engine)?;
        }
        await_calm(engine)
    })
}
