# Toolchain: Debian's cross gcc for armhf with a private sysroot, tests run by user-mode emulation.
# The code is made for the weakest board that the project supports: Raspberry Pi 2, Cortex-A7.
#   ARMHF_SYSROOT   made by mksysroot.sh when not given; kept in the CMake cache
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR armv7l)
set(JKP_TRIPLET arm-linux-gnueabihf)
set(CMAKE_LIBRARY_ARCHITECTURE ${JKP_TRIPLET})
set(CMAKE_C_COMPILER ${JKP_TRIPLET}-gcc)
set(CMAKE_C_FLAGS_INIT "-mcpu=cortex-a7 -mfpu=neon-vfpv4 -mfloat-abi=hard")
set(CMAKE_TRY_COMPILE_PLATFORM_VARIABLES ARMHF_SYSROOT)

if(NOT ARMHF_SYSROOT)
	execute_process(COMMAND ${CMAKE_CURRENT_LIST_DIR}/mksysroot.sh armhf
		OUTPUT_VARIABLE sysroot OUTPUT_STRIP_TRAILING_WHITESPACE RESULT_VARIABLE result)
	if(NOT result EQUAL 0)
		message(FATAL_ERROR "No sysroot for armhf (see above). Give one: -DARMHF_SYSROOT=/path")
	endif()
	set(ARMHF_SYSROOT ${sysroot} CACHE PATH "Root of the armhf -dev packages" FORCE)
endif()

set(CMAKE_SYSROOT ${ARMHF_SYSROOT})
set(CMAKE_FIND_ROOT_PATH ${ARMHF_SYSROOT})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)

# pkg-config must not find the machine's own libraries.
set(ENV{PKG_CONFIG_DIR} "")
set(ENV{PKG_CONFIG_SYSROOT_DIR} ${ARMHF_SYSROOT})
set(ENV{PKG_CONFIG_LIBDIR}
	"${ARMHF_SYSROOT}/usr/lib/${JKP_TRIPLET}/pkgconfig:${ARMHF_SYSROOT}/usr/share/pkgconfig")

find_program(JKP_QEMU_ARM NAMES qemu-arm-static qemu-arm)
if(JKP_QEMU_ARM)
	set(CMAKE_CROSSCOMPILING_EMULATOR ${JKP_QEMU_ARM} -cpu cortex-a7 -L ${ARMHF_SYSROOT})
endif()
