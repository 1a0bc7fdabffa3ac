//! The `temblor` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    injector_user::cli::main()
}
