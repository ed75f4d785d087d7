# Toolchain: 64 bit ARM, see cross.cmake. Every such processor runs the code.
#   ARM64_SYSROOT   made by mksysroot.sh when not given; kept in the CMake cache
set(JKP_ARCH arm64)
set(JKP_TRIPLET aarch64-linux-gnu)
set(JKP_EMULATOR qemu-aarch64)
set(JKP_EMULATED)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
include(${CMAKE_CURRENT_LIST_DIR}/cross.cmake)
