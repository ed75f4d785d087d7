# Toolchain: 32 bit ARM, see cross.cmake. The code is made for the weakest board that the project
# supports: Raspberry Pi 2, Cortex-A7.
#   ARMHF_SYSROOT   made by mksysroot.sh when not given; kept in the CMake cache
set(JKP_ARCH armhf)
set(JKP_TRIPLET arm-linux-gnueabihf)
set(JKP_EMULATOR qemu-arm)
set(JKP_EMULATED -cpu cortex-a7)
set(CMAKE_SYSTEM_PROCESSOR armv7l)
set(CMAKE_C_FLAGS_INIT "-mcpu=cortex-a7 -mfpu=neon-vfpv4 -mfloat-abi=hard")
include(${CMAKE_CURRENT_LIST_DIR}/cross.cmake)
