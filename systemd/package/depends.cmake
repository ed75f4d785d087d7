# Run by CPack between installing and packing: Debian's dpkg-shlibdeps tells which versions of which
# libraries the programs need. Those of another architecture lie in CPACK_JKP_ROOT, with dpkg's record
# of them (tests/cmake/mksysroot.sh).
file(GLOB programs
	"${CPACK_TEMPORARY_DIRECTORY}/usr/sbin/*"
	"${CPACK_TEMPORARY_DIRECTORY}/usr/bin/*"
	"${CPACK_TEMPORARY_DIRECTORY}/usr/libexec/jkpylon/jkpylon-*")
if(NOT programs)
	message(FATAL_ERROR "There is no program in ${CPACK_TEMPORARY_DIRECTORY}")
endif()
# dpkg-shlibdeps reads this, and writes beside it.
file(MAKE_DIRECTORY ${CPACK_JKP_WORK}/debian)
file(WRITE ${CPACK_JKP_WORK}/debian/control "Source: jkpylon\n\nPackage: jkpylon\nArchitecture: any\n")
set(where)
set(root "${CPACK_JKP_ROOT}")
if(root)
	# dpkg-shlibdeps asks for files by the names under which it finds them.
	set(record ${CPACK_JKP_WORK}/dpkg)
	file(REMOVE_RECURSE ${record})
	file(COPY ${root}/var/lib/dpkg/ DESTINATION ${record})
	file(GLOB lists ${record}/info/*.list)
	execute_process(COMMAND sed -i "s,^,${root}," ${lists} COMMAND_ERROR_IS_FATAL ANY)
	set(where --admindir=${record} -l${root}/usr/lib/${CPACK_JKP_LIBRARIES}
		-l${root}/lib/${CPACK_JKP_LIBRARIES})
endif()
execute_process(
	COMMAND ${CMAKE_COMMAND} -E env DEB_HOST_ARCH=${CPACK_DEBIAN_PACKAGE_ARCHITECTURE} LC_ALL=C
		dpkg-shlibdeps -O ${where} ${programs}
	WORKING_DIRECTORY ${CPACK_JKP_WORK}
	OUTPUT_VARIABLE said OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
if(NOT said MATCHES "^shlibs:Depends=(.+)$")
	message(FATAL_ERROR "dpkg-shlibdeps says \"${said}\"")
endif()
set(CPACK_DEBIAN_PACKAGE_DEPENDS "${CMAKE_MATCH_1}, ${CPACK_JKP_DEPENDS}")
