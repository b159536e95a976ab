//! Random bytes from the kernel, getrandom(2). Called by who makes a secret.

use super::call::Errno;

/// Fills `bytes` from the kernel's generator. Waits where it has not been seeded yet, in
/// the first moments after boot. ENOSYS before Linux 3.17.
#[expect(unsafe_code, reason = "nix does not wrap getrandom(2)")]
pub fn fill(bytes: &mut [u8]) -> Result<(), Errno> {
    let mut filled = 0;
    while let Some(left) = bytes.get_mut(filled..).filter(|left| !left.is_empty()) {
        // SAFETY: the kernel writes at most as many bytes as the slice has.
        let count = unsafe { libc::getrandom(left.as_mut_ptr().cast(), left.len(), 0) };
        match usize::try_from(count) {
            Ok(count) => filled += count,
            Err(_) => match nix::errno::Errno::last() {
                nix::errno::Errno::EINTR => {}
                errno => return Err(errno.into()),
            },
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_filled_and_no_two_fillings_are_alike() {
        let mut two = [[0_u8; 300]; 2];
        for bytes in &mut two {
            fill(bytes).unwrap();
        }
        assert_ne!(two[0], two[1]);
        for bytes in two {
            assert!(bytes[260..].iter().any(|byte| *byte != 0), "the kernel gives 256 bytes at a time for sure");
        }
        assert_eq!(fill(&mut []), Ok(()));
    }
}
