//! Temblor kernel programs.
#![no_std]
